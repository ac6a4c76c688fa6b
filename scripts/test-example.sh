#!/usr/bin/env bash
# Builds and runs the examples of the README as a package of their own, as someone who depends on distlog would.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
server=''
stop() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" || true
  rm -rf "$folder"
}
trap stop EXIT

examples() { swift build --package-path Examples --scratch-path .build/example "$@"; }

# The flag that `make` builds with: another one would build everything twice.
swift build --explicit-target-dependency-import-check error --product distlogd
examples
programs=$(examples --show-bin-path)

"$programs/CommitLogExample" "$folder/log"

"$(swift build --show-bin-path)/distlogd" serve --id node1 --data "$folder/data" --listen 127.0.0.1:0 --expect 1 \
  --tls-cert certs/node1.pem --tls-key certs/node1-key.pem --tls-ca certs/ca.pem \
  --acl-policy certs/policy.csv >"$folder/ready" 2>"$folder/server.log" </dev/null &
server=$!
for _ in $(seq 600); do
  if grep -sq '^ready ' "$folder/ready" || ! kill -0 "$server"; then break; fi
  sleep 0.05
done
grep -q '^ready ' "$folder/ready" || { cat "$folder/server.log" >&2; exit 1; }
address=$(sed -n 's/^ready .*rpc=\([^ ]*\).*/\1/p' "$folder/ready")

"$programs/DistlogClientExample" "$address" certs | tee "$folder/output"
diff - "$folder/output" <<'OUTPUT'
acknowledged at offsets 0...1
acknowledged at offset 2
0 the first
1 the second
2 the third
OUTPUT
