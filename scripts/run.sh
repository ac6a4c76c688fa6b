#!/usr/bin/env bash
# Sends a real file line by line through a cluster of three, kills the leader with -9 half-way, starts it again and
# compares what each of the three serves, byte for byte. Needs the release build and the certificates (`make run` makes
# both).
#
#   DISTLOG_RUN_LINES   how many lines to send, at least 1 (default 120000)
#   DISTLOG_BIN_DIR     where distlogd and distlog-client are (default: the release build)
set -euo pipefail
cd "$(dirname "$0")/.."

lines=${DISTLOG_RUN_LINES:-120000}
started_at=${DISTLOG_STARTED:-$(date +%s)}
ready_within=30 # seconds
host=127.0.0.1

declare -A server=() # process ids of what is running now
client=''
work=''

fail() {
  echo "run: $*" >&2
  exit 1
}

stop() { # <process id>: ends it at once and waits until it is gone
  [ -n "$1" ] || return 0
  kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

clean_up() {
  trap - EXIT INT TERM HUP
  stop "$client"
  local node
  for node in "${!server[@]}"; do stop "${server[$node]}"; done
  [ -z "$work" ] || rm -rf "$work"
}
trap clean_up EXIT
trap 'clean_up; exit 130' INT
trap 'clean_up; exit 143' TERM HUP

# What this machine has in text, in an order that is the same on every run.
text_of_this_machine() {
  local folder
  cat /var/lib/dpkg/status 2>/dev/null
  for folder in /usr/share/doc /usr/share/man; do
    [ ! -d "$folder" ] || find "$folder" -type f -name '*.gz' -print0 | sort -z | xargs -0 -r zcat -f
  done
  for folder in /usr/share/dict /usr/share/common-licenses /usr/include /usr/lib/python3 /usr/share; do
    [ ! -d "$folder" ] || find "$folder" -type f \
      \( -name '*.h' -o -name '*.py' -o -name '*.txt' -o -name '*.pm' -o ! -name '*.*' \) -size -1M \
      -print0 | sort -z | xargs -0 -r grep -lIZ '' | xargs -0 -r cat
  done
  git ls-files -z | grep -zvE '\.(png|svg)$' | xargs -0 -r cat
}

# Exactly $lines lines, each with its line feed; bytes are not looked at, nothing is converted.
collect() {
  # The writers end with SIGPIPE once head has enough.
  { text_of_this_machine 2>/dev/null || true; } | head -n "$lines" >"$work/sent"
  [ -z "$(tail -c 1 "$work/sent")" ] || echo >>"$work/sent"
  local found
  found=$(wc -l <"$work/sent")
  [ "$found" -ge "$lines" ] ||
    fail "only $found lines of text found on this machine; try DISTLOG_RUN_LINES=$found make run"
}

free_port() {
  local port
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null || { echo "$port"; return; }
  done
  fail 'no free port between 20000 and 32000'
}

# The first of three ports that follow each other.
free_ports() {
  local port
  for _ in $(seq 50); do
    port=$(free_port)
    (exec 3<>"/dev/tcp/$host/$((port + 1))") 2>/dev/null && continue
    (exec 3<>"/dev/tcp/$host/$((port + 2))") 2>/dev/null && continue
    echo "$port"
    return
  done
  fail 'no three free ports between 20000 and 32000'
}

address() { echo "$host:$((port + $1 - 1))"; } # <1, 2 or 3>

launch() { # <1, 2 or 3>
  "$distlogd" serve --id "node$1" --data "$work/node$1" --listen "$(address "$1")" --join "$servers" --expect 3 \
    --tls-cert "certs/node$1.pem" --tls-key "certs/node$1-key.pem" --tls-ca certs/ca.pem --tls-peer-names 'node*' \
    --acl-policy certs/policy.csv </dev/null >"$work/node$1.log" 2>&1 &
  server[$1]=$!
}

await_ready() { # <1, 2 or 3>
  local began=$SECONDS
  until grep -q '^ready ' "$work/node$1.log"; do
    if ! kill -0 "${server[$1]}" 2>/dev/null; then
      local status=0
      wait "${server[$1]}" || status=$?
      unset "server[$1]"
      show_server_logs
      fail "distlogd node$1 ended with exit code $status before it was ready"
    fi
    [ $((SECONDS - began)) -lt $ready_within ] || {
      show_server_logs
      fail "distlogd node$1 was not ready within $ready_within s"
    }
    sleep 0.02
  done
}

show_server_logs() {
  local node
  for node in 1 2 3; do sed "s/^/  node$node: /" "$work/node$node.log" | tail -n 8 >&2; done
}

# In the background, so that a signal ends the wait at once.
call() { # <servers> <verb and options...>, standard output to $work/out
  begin "$@"
  finish "$2"
}

begin() { # <servers> <verb and options...>
  local at=$1
  shift
  "$distlog_client" --servers "$at" --ca certs/ca.pem --cert certs/root.pem --key certs/root-key.pem "$@" \
    </dev/null >"$work/out" 2>"$work/client.log" &
  client=$!
}

finish() { # <verb>
  local status=0
  wait "$client" || status=$?
  client=''
  if [ $status -ne 0 ]; then
    sed 's/^/  distlog-client: /' "$work/client.log" | tail -n 5 >&2
    show_server_logs
    fail "distlog-client $1 ended with exit code $status"
  fi
}

# Sets leads to the number of the node that leads, as the servers tell.
find_leader() {
  local began=$SECONDS
  leads=''
  until [ -n "$leads" ]; do
    [ $((SECONDS - began)) -lt $ready_within ] || fail "no leader within $ready_within s"
    call "$servers" servers
    leads=$(awk '$3 == "leader" { sub("node", "", $1); print $1 }' "$work/out")
  done
}

now() { echo "${EPOCHREALTIME/[.,]/}"; } # microseconds

row() { # <verb> <file> <microseconds>
  awk -v verb="$1" -v lines="$(wc -l <"$2")" -v bytes="$(wc -c <"$2")" -v us="$3" 'BEGIN {
    s = us / 1e6; if (s <= 0) s = 1e-6
    printf "  %-12s %9d %12d %9.2f %12.0f %9.1f\n", verb, lines, bytes, s, lines / s, bytes / s / 1048576 }'
}

programs=${DISTLOG_BIN_DIR:-$(swift build -c release --show-bin-path)}
distlogd=$programs/distlogd
distlog_client=$programs/distlog-client
for file in "$distlogd" "$distlog_client" certs/node1.pem certs/root.pem certs/policy.csv; do
  [ -e "$file" ] || fail "there is no $file; run \"make release certs\" first"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/distlog-run.XXXXXX")
port=$(free_ports)
servers=$(address 1),$(address 2),$(address 3)
collect
echo "three times distlogd on $servers, mutual TLS, data in $work; $lines lines of this machine's own text"

for node in 1 2 3; do launch $node; done
for node in 1 2 3; do await_ready $node; done
find_leader
first=$leads

# Slowly enough that the leader can be killed in the middle of it.
begun=$(now)
begin "$servers" produce --file "$work/sent" --frame lines --ack-output offsets --rate $((lines / 3 + 1))
until [ "$(wc -l <"$work/out")" -ge $((lines / 2)) ]; do
  kill -0 "$client" 2>/dev/null || break
  sleep 0.02
done
stop "${server[$first]}"
unset "server[$first]"
killed_at=$(wc -l <"$work/out")
finish produce
produced=$(($(now) - begun))
summary=$(tail -n 1 "$work/client.log")
# Each record has one offset, and no two the same.
acknowledged=$(sort -un "$work/out" | wc -l)
find_leader
second=$leads

begun=$(now)
launch "$first"
await_ready "$first"
restarted=$(($(now) - begun))

echo
echo "  node$first led and was killed with -9 after $killed_at acknowledgements; node$second leads now"
echo "  produce: $summary"
echo
echo '                    records        bytes   seconds    records/s     MiB/s'
row 'produce' "$work/sent" "$produced"
sent=$(sha256sum <"$work/sent")
sums=''
for node in 1 2 3; do
  begun=$(now)
  call "$(address $node)" consume --from earliest --follow -n "$lines" --frame lines
  mv "$work/out" "$work/received$node"
  row "from node$node" "$work/received$node" $(($(now) - begun))
  call "$(address $node)" consume --from latest -n 1 --format '%o\n'
  last=$(cat "$work/out")
  [ "$last" = $((lines - 1)) ] || fail "node$node ends at offset $last, not $((lines - 1)): something is there twice"
  sums+="  SHA-256 of node$node  $(sha256sum <"$work/received$node" | cut -d ' ' -f 1)"$'\n'
done
awk -v us="$restarted" 'BEGIN { printf "  the killed one was ready again after %.2f s\n\n", us / 1e6 }'

echo "  SHA-256 sent      ${sent%% *}"
printf '%s' "$sums"
[ "$acknowledged" = "$lines" ] || fail "$acknowledged offsets were acknowledged for $lines records"
for node in 1 2 3; do
  cmp -s "$work/sent" "$work/received$node" || {
    where=$(cmp "$work/sent" "$work/received$node" 2>&1 || true)
    fail "not the same: ${where//$work\//}"
  }
done
echo "  equal: nothing lost, nothing twice, the same on all three. Done in $(($(date +%s) - started_at)) s."
