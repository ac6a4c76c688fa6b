#!/usr/bin/env bash
# Measures one node on this machine: a release distlogd on loopback with mutual TLS, in a folder of its
# own, beside an echo server of the same engine and a bare write+fdatasync loop on the same disk.
# Writes bench/out/one-node.{json,md}; takes two to three minutes. Needs the release build and the
# certificates (`make bench` makes both).
#
#   DISTLOG_BENCH_SECONDS   how long to measure each row (default 4)
#   DISTLOG_BENCH_FOLDER    where the data goes, on the disk to measure (default: bench/data)
#   DISTLOG_BIN_DIR         where the programs are (default: the release build)
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${DISTLOG_BENCH_SECONDS:-4}
ready_within=30 # seconds
host=127.0.0.1

server='' # process ids of what is running now
echo_server=''
client=''
work=''

fail() {
  echo "bench: $*" >&2
  exit 1
}

stop() { # <process id>: asks it to end, ends it after ten seconds, waits until it is gone
  [ -n "$1" ] || return 0
  kill -TERM "$1" 2>/dev/null || true
  local began=$SECONDS
  while kill -0 "$1" 2>/dev/null; do
    [ $((SECONDS - began)) -lt 10 ] || kill -KILL "$1" 2>/dev/null || true
    sleep 0.05
  done
  wait "$1" 2>/dev/null || true
}

clean_up() {
  trap - EXIT INT TERM HUP
  stop "$client"
  stop "$echo_server"
  stop "$server"
  [ -z "$work" ] || rm -rf "$work"
}
trap clean_up EXIT
trap 'clean_up; exit 130' INT
trap 'clean_up; exit 143' TERM HUP

free_port() {
  local port
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null || { echo "$port"; return; }
  done
  fail 'no free port between 20000 and 32000'
}

until_logged() { # <process id> <file> <word>: waits for the word in the process's output
  local began=$SECONDS
  until grep -qw "$3" "$2"; do
    if ! kill -0 "$1" 2>/dev/null || [ $((SECONDS - began)) -ge $ready_within ]; then
      tail -n 20 "$2" >&2
      fail "no \"$3\" in $2 within $ready_within s"
    fi
    sleep 0.02
  done
}

programs=${DISTLOG_BIN_DIR:-$(swift build -c release --show-bin-path)}
for file in "$programs/distlogd" "$programs/distlog-bench" certs/node1.pem certs/root.pem; do
  [ -e "$file" ] || fail "there is no $file; run \"make bench\""
done

folder=${DISTLOG_BENCH_FOLDER:-bench/data}
mkdir -p "$folder" bench/out
work=$(mktemp -d "$folder/run.XXXXXX")
free=$(df -Pk "$work" | awk 'NR == 2 { print int($4 / 1048576) }')
[ "$free" -ge 16 ] || fail "only $free GiB free in $folder, 16 are wanted; set DISTLOG_BENCH_FOLDER"

port=$(free_port)
echo_port=$(free_port)
: >"$work/server.log" >"$work/echo.log"
"$programs/distlogd" serve --id node1 --data "$work/data" --listen "$host:$port" --expect 1 \
  --tls-cert certs/node1.pem --tls-key certs/node1-key.pem --tls-ca certs/ca.pem \
  --acl-policy certs/policy.csv </dev/null >>"$work/server.log" 2>&1 &
server=$!
"$programs/distlog-bench" echo-server --host "$host" --port "$echo_port" \
  --cert certs/node1.pem --key certs/node1-key.pem --ca certs/ca.pem \
  </dev/null >>"$work/echo.log" 2>&1 &
echo_server=$!
until_logged "$server" "$work/server.log" ready
until_logged "$echo_server" "$work/echo.log" listening

echo "one distlogd (process $server) on $host:$port, mutual TLS, data in $work" >&2
"$programs/distlog-bench" node --server "$host:$port" --server-pid "$server" \
  --echo "$host:$echo_port" --echo-pid "$echo_server" --folder "$work" --seconds "$seconds" \
  --ca certs/ca.pem --cert certs/root.pem --key certs/root-key.pem --output bench/out \
  </dev/null &
client=$!
status=0
wait "$client" || status=$?
client=''
if [ "$status" -ne 0 ]; then
  tail -n 20 "$work/server.log" >&2
  fail "distlog-bench ended with exit code $status"
fi
