#!/usr/bin/env bash
# Measures one node, and then a cluster of three, on this machine: release distlogds on loopback with mutual
# TLS, in folders of their own, beside an echo server of the same engine and a bare write+fdatasync loop on
# the same disk. Writes bench/out/one-node.{json,md} and three-nodes.{json,md}; takes about five minutes.
# Needs the release build and the certificates (`make bench` makes both).
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
others=()
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
  for other in "${others[@]}"; do stop "$other"; done
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
for file in "$programs/distlogd" "$programs/distlog-client" "$programs/distlog-bench" certs/node3.pem certs/root.pem; do
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
"$programs/distlog-bench" echo-server --host "$host" --port "$echo_port" \
  --cert certs/node1.pem --key certs/node1-key.pem --ca certs/ca.pem \
  </dev/null >>"$work/echo.log" 2>&1 &
echo_server=$!
until_logged "$echo_server" "$work/echo.log" listening

launch() { # <number> <port> <servers expected> <join>...: sets `launched`
  local number=$1 own=$2 expected=$3 log=$work/node$1.log
  shift 3
  : >"$log"
  "$programs/distlogd" serve --id "node$number" --data "$work/node$number-of-$expected" --listen "$host:$own" \
    --expect "$expected" "$@" --tls-peer-names 'node*' --tls-cert "certs/node$number.pem" \
    --tls-key "certs/node$number-key.pem" --tls-ca certs/ca.pem --acl-policy certs/policy.csv \
    </dev/null >>"$log" 2>&1 &
  launched=$!
}

measure() { # <name> <port> <process id>...: the first one leads
  local name=$1 own=$2 pids=() status=0
  shift 2
  for process in "$@"; do pids+=(--server-pid "$process"); done
  "$programs/distlog-bench" node --server "$host:$own" "${pids[@]}" \
    --echo "$host:$echo_port" --echo-pid "$echo_server" --folder "$work" --seconds "$seconds" \
    --ca certs/ca.pem --cert certs/root.pem --key certs/root-key.pem --output bench/out --name "$name" \
    </dev/null &
  client=$!
  wait "$client" || status=$?
  client=''
  [ "$status" -eq 0 ] || {
    tail -n 20 "$work"/node*.log >&2
    fail "distlog-bench ended with exit code $status"
  }
}

launch 1 "$port" 1
server=$launched
until_logged "$server" "$work/node1.log" ready
echo "one distlogd (process $server) on $host:$port, mutual TLS, data in $work" >&2
measure one-node "$port" "$server"
stop "$server"
server=''
rm -rf "$work"/node1-of-1

ports=("$(free_port)" "$(free_port)" "$(free_port)")
join="$host:${ports[0]},$host:${ports[1]},$host:${ports[2]}"
for number in 1 2 3; do
  launch "$number" "${ports[number - 1]}" 3 --join "$join"
  others+=("$launched")
done
for number in 1 2 3; do until_logged "${others[number - 1]}" "$work/node$number.log" ready; done
leads=''
began=$SECONDS
until [ -n "$leads" ]; do
  [ $((SECONDS - began)) -lt $ready_within ] || fail "no leader within $ready_within s"
  "$programs/distlog-client" servers --servers "$join" --ca certs/ca.pem --cert certs/root.pem \
    --key certs/root-key.pem >"$work/servers" 2>/dev/null || continue
  leads=$(awk '$3 == "leader" { sub("node", "", $1); print $1 }' "$work/servers")
done
ordered=("${others[leads - 1]}")
for number in 1 2 3; do [ "$number" = "$leads" ] || ordered+=("${others[number - 1]}"); done
echo "three distlogds (processes ${others[*]}), node$leads leads, on $host:${ports[leads - 1]}" >&2
measure three-nodes "${ports[leads - 1]}" "${ordered[@]}"
