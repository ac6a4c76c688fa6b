#!/usr/bin/env bash
# Sends a real file line by line through a real server, kills the server with -9, starts it again and
# compares what comes back, byte for byte. Needs the release build and the certificates (`make run` makes both).
#
#   DISTLOG_RUN_LINES   how many lines to send, at least 1 (default 120000)
#   DISTLOG_BIN_DIR     where distlogd and distlog-client are (default: the release build)
set -euo pipefail
cd "$(dirname "$0")/.."

lines=${DISTLOG_RUN_LINES:-120000}
started_at=${DISTLOG_STARTED:-$(date +%s)}
ready_within=30 # seconds
host=127.0.0.1

server='' # process ids of what is running now
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
  stop "$server"
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

start_server() {
  : >"$work/server.log"
  "$distlogd" serve --id node1 --data "$work/data" --listen "$host:$port" --expect 1 \
    --tls-cert certs/node1.pem --tls-key certs/node1-key.pem --tls-ca certs/ca.pem \
    --acl-policy certs/policy.csv </dev/null >>"$work/server.log" 2>&1 &
  server=$!
  local began=$SECONDS
  until grep -q '^ready ' "$work/server.log"; do
    if ! kill -0 "$server" 2>/dev/null; then
      local status=0
      wait "$server" || status=$?
      server=''
      show_server_log
      fail "distlogd ended with exit code $status before it was ready"
    fi
    [ $((SECONDS - began)) -lt $ready_within ] || {
      show_server_log
      fail "distlogd was not ready within $ready_within s"
    }
    sleep 0.02
  done
}

show_server_log() { sed 's/^/  distlogd: /' "$work/server.log" | tail -n 20 >&2; }

# In the background, so that a signal ends the wait at once.
call() { # <verb and options...>, standard output to $work/out
  local status=0
  "$distlog_client" --servers "$host:$port" \
    --ca certs/ca.pem --cert certs/root.pem --key certs/root-key.pem "$@" \
    </dev/null >"$work/out" 2>"$work/client.log" &
  client=$!
  wait "$client" || status=$?
  client=''
  if [ $status -ne 0 ]; then
    sed 's/^/  distlog-client: /' "$work/client.log" | tail -n 5 >&2
    show_server_log
    fail "distlog-client $1 ended with exit code $status"
  fi
}

now() { echo "${EPOCHREALTIME/[.,]/}"; } # microseconds

row() { # <verb> <file> <microseconds>
  awk -v verb="$1" -v lines="$(wc -l <"$2")" -v bytes="$(wc -c <"$2")" -v us="$3" 'BEGIN {
    s = us / 1e6; if (s <= 0) s = 1e-6
    printf "  %-9s %9d %12d %9.2f %12.0f %9.1f\n", verb, lines, bytes, s, lines / s, bytes / s / 1048576 }'
}

programs=${DISTLOG_BIN_DIR:-$(swift build -c release --show-bin-path)}
distlogd=$programs/distlogd
distlog_client=$programs/distlog-client
for file in "$distlogd" "$distlog_client" certs/node1.pem certs/root.pem certs/policy.csv; do
  [ -e "$file" ] || fail "there is no $file; run \"make release certs\" first"
done

work=$(mktemp -d "${TMPDIR:-/tmp}/distlog-run.XXXXXX")
port=$(free_port)
collect
echo "distlogd on $host:$port, mutual TLS, data in $work; $lines lines of this machine's own text"

start_server
begun=$(now)
call produce --file "$work/sent" --frame lines --ack-output none
produced=$(($(now) - begun))

stop "$server"
server=''
begun=$(now)
start_server
restarted=$(($(now) - begun))

begun=$(now)
call consume --from earliest --to end --frame lines
consumed=$(($(now) - begun))
mv "$work/out" "$work/received"

echo
echo '              records        bytes   seconds    records/s     MiB/s'
row produce "$work/sent" "$produced"
row consume "$work/received" "$consumed"
awk -v us="$restarted" 'BEGIN { printf "  ready again %.2f s after kill -9\n\n", us / 1e6 }'

sent=$(sha256sum <"$work/sent")
received=$(sha256sum <"$work/received")
echo "  SHA-256 sent      ${sent%% *}"
echo "  SHA-256 received  ${received%% *}"
if [ "$sent" != "$received" ]; then
  where=$(cmp "$work/sent" "$work/received" 2>&1 || true)
  fail "not the same: ${where//$work\//}"
fi
echo "  equal: every acknowledged byte came back. Done in $(($(date +%s) - started_at)) s."
