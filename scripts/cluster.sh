#!/usr/bin/env bash
# Starts three servers on this machine and leaves them running, or stops them. `make up` and `make down` call it.
#
#   scripts/cluster.sh up      data, logs and process ids in the folder cluster; a cluster that is there goes on
#   scripts/cluster.sh down    stops them; their data stays
#
#   DISTLOG_CLUSTER     the folder (default cluster)
#   DISTLOG_PORT        the port of the first; the others follow (default 8401)
#   DISTLOG_BIN_DIR     where distlogd and distlog-client are (default: the release build)
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${DISTLOG_CLUSTER:-cluster}
port=${DISTLOG_PORT:-8401}
ready_within=30 # seconds
host=127.0.0.1
programs=${DISTLOG_BIN_DIR:-.build/release}

fail() {
  echo "cluster: $*" >&2
  exit 1
}

address() { echo "$host:$((port + $1 - 1))"; } # <1, 2 or 3>

# Whether the process of a node is there, and is ours.
running() { # <1, 2 or 3>
  local id
  id=$(cat "$folder/node$1.pid" 2>/dev/null) || return 1
  grep -qz "^node$1\$" "/proc/$id/cmdline" 2>/dev/null
}

launch() { # <1, 2 or 3>
  setsid "$programs/distlogd" serve --id "node$1" --data "$folder/node$1" --listen "$(address "$1")" --expect 3 \
    --join "$(address 1),$(address 2),$(address 3)" --tls-peer-names 'node*' --tls-cert "certs/node$1.pem" \
    --tls-key "certs/node$1-key.pem" --tls-ca certs/ca.pem --acl-policy certs/policy.csv \
    </dev/null >"$folder/node$1.out" 2>>"$folder/node$1.log" &
  echo $! >"$folder/node$1.pid"
}

up() {
  for file in "$programs/distlogd" "$programs/distlog-client" certs/node3.pem certs/root.pem; do
    [ -e "$file" ] || fail "there is no $file; run \"make up\""
  done
  mkdir -p "$folder"
  local node
  for node in 1 2 3; do running $node || launch $node; done
  local began=$SECONDS
  for node in 1 2 3; do
    until grep -q '^ready ' "$folder/node$node.out"; do
      running $node && [ $((SECONDS - began)) -lt $ready_within ] || {
        tail -n 5 "$folder/node$node.log" >&2
        fail "node$node is not ready; its log is $folder/node$node.log"
      }
      sleep 0.05
    done
  done
  cat <<TEXT
Three servers run: $(address 1), $(address 2), $(address 3). Paste this, and try what follows; \`make down\` stops them.

  export DISTLOG_SERVERS=$(address 1),$(address 2),$(address 3)
  export DISTLOG_CA=$PWD/certs/ca.pem DISTLOG_CERT=$PWD/certs/root.pem DISTLOG_KEY=$PWD/certs/root-key.pem
  PATH=$(cd "$programs" && pwd):\$PATH

  distlog-client cluster status
  seq 1 100000 | distlog-client produce
  distlog-client tail
  kill -9 \$(cat $folder/node1.pid)      # it may lead; scripts/cluster.sh up starts it again
TEXT
}

down() {
  local node id
  for node in 1 2 3; do
    running $node || continue
    id=$(cat "$folder/node$node.pid")
    kill -TERM "$id"
    for _ in $(seq 400); do
      kill -0 "$id" 2>/dev/null || break
      sleep 0.05
    done
    ! kill -0 "$id" 2>/dev/null || fail "node$node (process $id) does not stop"
    rm -f "$folder/node$node.pid"
    echo "node$node is stopped"
  done
}

case ${1:-} in
  up) up ;;
  down) down ;;
  *) fail "say up or down" ;;
esac
