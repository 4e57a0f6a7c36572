#!/usr/bin/env bash
# run.sh [TESTS]: the sandbox's tests on control groups of version 2, as root and
# as a service's user with a delegated group, in a kernel of its own: user-mode
# Linux from Debian, an ordinary program that boots on this machine's files,
# read-only. TESTS is a regular expression for go test -run.
#
# It is for functions, not for times: one core, and slow. All takes 15 minutes, and
# twice as long beside other work. SECONDS_MAX bounds it.
set -euo pipefail
cd "$(dirname "$0")/../../.."
tests=${1:-TestAttacks|TestStatuses|TestSpareBox|TestFewDescriptors}
dir=$PWD/build/uml
mkdir -p "$dir"
if ! [ -x "$dir/usr/bin/linux.uml" ]; then
  (cd "$dir" && { apt-get download user-mode-linux >/dev/null 2>&1 || { apt-get update -qq && apt-get download user-mode-linux >/dev/null; }; } \
    && dpkg -x user-mode-linux_*.deb . && rm user-mode-linux_*.deb) \
    || { echo "user-mode-linux of Debian cannot be had: apt-get download user-mode-linux"; exit 1; }
fi
CGO_ENABLED=0 go test -c -trimpath -o "$dir/sandbox.test" ./shared/runner/sandbox
cat > "$dir/settings" <<EOF
tests='$tests'
package='$PWD/shared/runner/sandbox'
dir='$dir'
long='${RUNLEASE_LONG:-}'
most=${SECONDS_MAX:-1500}s
EOF
cp infra/dev/uml/init.sh "$dir/init.sh"
log=$dir/log
TMPDIR=$dir timeout "${SECONDS_MAX:-1500}" "$dir/usr/bin/linux.uml" mem=2G rootfstype=hostfs rootflags=/ ro init="$dir/init.sh" \
  con=null con0=fd:0,fd:1 quiet < /dev/null 2> /dev/null | stdbuf -oL tr -d "\r" | tee "$log" | grep --line-buffered -E '^(== |\s*--- FAIL|.*_test.go|ok|FAIL|PASS)' || true
[ "$(grep -c '^== passed' "$log")" = 2 ] || { tail -n 30 "$log"; echo "failed: all of it is in $log"; exit 1; }
