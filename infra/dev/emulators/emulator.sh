# Sourced by the scripts beside it: what LocalStack and MiniStack have in common as background processes of this machine.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../../.." && pwd)

say() { echo "$name: $*"; }
fail() {
  echo "$name: $*" >&2
  exit 1
}

# python_of 3.13 [3.12 ...]: prints a python that really runs, of the first version there is. A pyenv shim is on the PATH and
# fails when its version is not the selected one, so candidates are run, and pyenv's and uv's own folders are looked at too.
python_of() {
  local version python
  for version in "$@"; do
    for python in "python$version" "$HOME"/.pyenv/versions/"$version".*/bin/python "${PYENV_ROOT:-/nonexistent}"/versions/"$version".*/bin/python \
      "$HOME"/.local/share/uv/python/cpython-"$version".*/bin/python3 /opt/homebrew/opt/python@"$version"/bin/python"$version" python3; do
      if [ "$("$python" -c 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$version" ]; then
        echo "$python"
        return
      fi
    done
  done
  return 1
}

# one_at_a_time FOLDER: two starts at once must not install into the same folder. Held until this script ends.
one_at_a_time() {
  local left=600
  until mkdir "$1/starting" 2>/dev/null; do
    kill -0 "$(cat "$1/starting/pid" 2>/dev/null)" 2>/dev/null || { sleep 1; kill -0 "$(cat "$1/starting/pid" 2>/dev/null)" 2>/dev/null || rm -rf "$1/starting"; }
    [ $((left -= 1)) -gt 0 ] || fail "another start has held $1/starting for ten minutes"
    sleep 1
  done
  echo $$ > "$1/starting/pid"
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$1/starting'" EXIT
}

answers() { curl -sf -m 2 "$1" 2>/dev/null | grep -q "$2"; }

port_taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# in_background FOLDER COMMAND...: in a session of its own, so that it outlives this shell and can be ended as a group.
# Python instead of setsid(1), which macOS does not have.
in_background() {
  local dir=$1
  shift
  nohup "$dir/venv/bin/python" -c 'import os, sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])' "$@" > "$dir/log" 2>&1 < /dev/null &
  echo $! > "$dir/pid"
}

# wait_until_up FOLDER URL PATTERN
wait_until_up() {
  local deadline=$((SECONDS + 90))
  until answers "$2" "$3"; do
    if ! kill -0 "$(cat "$1/pid")" 2>/dev/null || [ $SECONDS -ge $deadline ]; then
      tail -n 20 "$1/log" >&2
      fail "did not come up; the whole log is $1/log"
    fi
    sleep 0.3
  done
}

# stop_group FOLDER: ends the process group that in_background started (the emulator, its database, the functions).
stop_group() {
  local pid left=100
  pid=$(cat "$1/pid" 2>/dev/null) || { say "not running"; return; }
  # After a reboot the number may belong to somebody else: only a group leader that runs from our folder is ours.
  if ! ps -o args= -p "$pid" 2>/dev/null | grep -qF "$1/venv/"; then
    say "not running"
    rm -f "$1/pid"
    return
  fi
  kill -TERM -- "-$pid"
  while kill -0 -- "-$pid" 2>/dev/null && [ $((left -= 1)) -gt 0 ]; do sleep 0.1; done
  kill -KILL -- "-$pid" 2>/dev/null || true
  rm -f "$1/pid"
  say "stopped (process group $pid)"
}
