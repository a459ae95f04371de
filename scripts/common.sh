# Sourced by the scripts beside it.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

section() { printf '\n== %s\n' "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "this needs root: run it as root, or install sudo (command: $*)"
  fi
}

# with_progress LOG STATUS COMMAND...: run the command with its output in LOG. Every few seconds
# meanwhile, print what the function STATUS says and the time gone by.
with_progress() {
  local log=$1 status=$2 started=$SECONDS result=0 ticker
  shift 2
  # An interrupt ends this script but not what runs in its background, which must notice by itself.
  while sleep 5 >/dev/null && kill -0 $$ 2>/dev/null; do
    echo "$("$status"), $((SECONDS - started)) s"
  done &
  ticker=$!
  "$@" >"$log" 2>&1 </dev/null || result=$?
  kill "$ticker"
  wait "$ticker" 2>/dev/null || true
  return "$result"
}

# Sets distribution, postgres_major and clang_major, which go together in a Debian release.
read_release() {
  # shellcheck disable=SC1091
  distribution=$(. /etc/os-release && echo "$ID ${VERSION_ID:-}")
  case $distribution in
    'debian 12') postgres_major=15 clang_major=14 ;;
    'debian 13') postgres_major=17 clang_major=19 ;;
    *) fail "these scripts install packages on Debian 12 and 13 only; this is \"$distribution\"." \
      "Install the packages listed in scripts/install-packages yourself, then run make install." ;;
  esac
}

# free_port [PREFERRED]: a TCP port on the loopback address that nobody listens on.
free_port() {
  /usr/bin/python3 - "${1:-0}" <<'PYTHON'
import socket, sys

for port in (int(sys.argv[1]), 0):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break
PYTHON
}

# wait_until SECONDS DESCRIPTION COMMAND...: repeat the command until it succeeds.
wait_until() {
  local deadline=$((SECONDS + $1)) description=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || fail "gave up waiting for $description"
    sleep 0.05
  done
}

# is_serving PORT: whether the worker there says that events can flow.
is_serving() {
  /usr/bin/python3 - "$1" <<'PYTHON'
import sys, urllib.request

urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/readyz", timeout=5)
PYTHON
}
