#!/usr/bin/env bash
# Executes the README's first five minutes, in a folder and at ports of its own, with the programs of DISTLOG_BIN_DIR.
set -euo pipefail
cd "$(dirname "$0")/.."

programs=${DISTLOG_BIN_DIR:?where distlogd and distlog-client are}
work=$(mktemp -d "${TMPDIR:-/tmp}/distlog-five.XXXXXX")
port=$((20000 + RANDOM % 10000))
export DISTLOG_CLUSTER=$work/cluster DISTLOG_PORT=$port
trap 'scripts/cluster.sh down >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

# What stands there, but for what would build, and where it runs.
sed -n '/<!-- executed by scripts\/test-five-minutes.sh -->/,/^```$/p' README.md | sed -e '1,2d' -e '$d' >"$work/commands"
grep -q 'cluster verify' "$work/commands" || { echo "the README has no first five minutes" >&2; exit 1; }
sed -i -e 's|^make up|scripts/cluster.sh up|' -e 's|^make down|scripts/cluster.sh down|' \
  -e "s|cat cluster/|cat $work/cluster/|" -e "s|\$PWD/.build/release|$programs|" \
  -e "s|:8401|:$port|g; s|:8402|:$((port + 1))|g; s|:8403|:$((port + 2))|g" "$work/commands"

bash -euo pipefail "$work/commands" | tee "$work/output"
grep -q 'the same on 3 servers' "$work/output" || { echo "the servers do not hold the same" >&2; exit 1; }
grep -Eq '^[0-9.:a-z ]*leader +0 +100000 ' "$work/output" || { echo "no leader holds 100,000 records" >&2; exit 1; }
echo "ok first_five_minutes"
