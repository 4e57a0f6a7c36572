#!/usr/bin/env bash
# Starts MiniStack 1.5.33 on 127.0.0.1:4567 and waits until it answers: the emulator for the HTTP API, which LocalStack's
# community edition has not. Idempotent; runs beside LocalStack. Stop it with ministack-down.sh.
# Installs into build/ministack/ once; needs Python 3.10 or newer, and curl. It needs no Docker: functions run as processes.
set -euo pipefail
name=ministack
. "$(dirname "${BASH_SOURCE[0]}")/emulator.sh"

version=1.5.33
endpoint=http://127.0.0.1:4567
dir=$project/build/ministack
began=$SECONDS

recipe() { echo "$version $(cksum < "$here/ministack-constraints.txt")"; }

command -v curl > /dev/null || fail "curl is missing"
mkdir -p "$dir"
one_at_a_time "$dir"
if answers "$endpoint/_ministack/health" "\"version\": *\"$version\""; then
  say "already up: $endpoint"
  exit 0
fi
if port_taken 4567; then fail "something else listens on 127.0.0.1:4567"; fi

if [ ! -x "$dir/venv/bin/ministack" ] || [ "$(cat "$dir/recipe" 2> /dev/null)" != "$(recipe)" ]; then
  python=$(python_of 3.13 3.14 3.12 3.11 3.10) || fail "missing: Python 3.10 or newer with venv ('pyenv install 3.13', 'uv python install 3.13' or your system's python3 and python3-venv)"
  say "installing into build/ministack (once)"
  rm -rf "$dir/venv" "$dir/recipe"
  {
    "$python" -m venv "$dir/venv"
    "$dir/venv/bin/pip" install -q --disable-pip-version-check -c "$here/ministack-constraints.txt" "ministack==$version"
  } > "$dir/install.log" 2>&1 || {
    tail -n 20 "$dir/install.log" >&2
    fail "could not install MiniStack"
  }
  recipe > "$dir/recipe"
fi

rm -rf "$dir/tmp"
mkdir -p "$dir/tmp"
# AWS_ENDPOINT_URL: what the functions get as theirs. BIND_HOST: it would listen on every address of the machine.
# An environment made from nothing: functions inherit MiniStack's, and Lambda's has nothing of this shell either.
in_background "$dir" env -i PATH="$PATH" HOME="$HOME" LANG=C.UTF-8 TMPDIR="$dir/tmp" \
  BIND_HOST=127.0.0.1 GATEWAY_PORT=4567 MINISTACK_HOST=127.0.0.1 IOT_MTLS_ENABLED=0 LAMBDA_EXECUTOR=local \
  AWS_ENDPOINT_URL="$endpoint" AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 \
  "$dir/venv/bin/python" "$dir/venv/bin/ministack"
wait_until_up "$dir" "$endpoint/_ministack/health" "\"version\": *\"$version\""
say "up in $((SECONDS - began)) s: $endpoint (pid $(cat "$dir/pid"), log build/ministack/log)"
