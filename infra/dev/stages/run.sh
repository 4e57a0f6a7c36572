#!/usr/bin/env bash
# run.sh STAGE...: runs targets of the Makefile one after another, and ends the emulators that they started.
# After a failure, the same call on the same files begins with the stage that failed. `rm build/stages` forgets that.
set -euo pipefail
cd "$(dirname "$0")/../../.."
began=$SECONDS

# The first line is what the stages passed with: the commit, what differs from it, and the files that git does not track.
files() { git rev-parse HEAD && git diff HEAD --binary && git ls-files -z --others --exclude-standard | xargs -0 -r sha256sum; }
state=$(files 2> /dev/null | sha256sum | cut -d' ' -f1)
if ! git rev-parse HEAD > /dev/null 2>&1 || [ "$(head -n 1 build/stages 2> /dev/null)" != "$state" ]; then
  mkdir -p build
  echo "$state" > build/stages
fi

missing=()
for tool in go node npm java javac mvn gcc g++ python3 perl curl strace; do command -v "$tool" > /dev/null || missing+=("$tool"); done
command -v chromium > /dev/null || command -v chromium-browser > /dev/null || command -v google-chrome > /dev/null || missing+=(chromium)
[ ${#missing[@]} -eq 0 ] || { echo "make test: missing: ${missing[*]}. The README's \"Try it\" names what the tests need." >&2; exit 1; }
free=$(df -Pk . | awk 'NR == 2 {print int($4 / 1048576)}')
echo "make test: about 20 minutes on two idle cores; ports 4566 and 4567 of loopback; 4 GB below build/ and in Go's caches ($free GB are free)"
[ "$free" -ge 4 ] || echo "make test: that may not be enough disk" >&2

up() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }
if up 4566; then localstack_was_up=1; fi
if up 4567; then ministack_was_up=1; fi
finish() {
  if [ -z "${localstack_was_up:-}" ] && up 4566; then infra/dev/emulators/down.sh; fi
  if [ -z "${ministack_was_up:-}" ] && up 4567; then infra/dev/emulators/ministack-down.sh; fi
}
trap finish EXIT

for stage in "$@"; do
  if grep -qx "$stage" build/stages; then
    echo "== $stage: passed before on these files"
    continue
  fi
  make --no-print-directory "$stage" || { echo "== $stage failed; make test on the same files begins here again"; exit 1; }
  echo "$stage" >> build/stages
done
rm build/stages
echo "== all: $((SECONDS - began)) s"
