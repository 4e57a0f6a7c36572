#!/usr/bin/env bash
# Stops the MiniStack that ministack-up.sh started, with everything that was deployed to it. What was installed stays.
set -euo pipefail
name=ministack
. "$(dirname "${BASH_SOURCE[0]}")/emulator.sh"

stop_group "$project/build/ministack"
