#!/usr/bin/env bash
# Stops the LocalStack that up.sh started, with everything that was deployed to it (nothing is kept). What was installed stays.
set -euo pipefail
name=localstack
. "$(dirname "${BASH_SOURCE[0]}")/emulator.sh"
dir=$project/build/localstack

if [ -f "$dir/container" ]; then
  docker rm -f runlease-localstack > /dev/null
  rm -f "$dir/container"
  say "container removed"
else
  stop_group "$dir"
fi
