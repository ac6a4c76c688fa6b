#!/usr/bin/env bash
# Runs the archive that `make dist` made in a bare Debian 12 root with nothing added but libssl3 and libnghttp2-14: a server, records in,
# the same records out. Needs root and debootstrap; the root is kept in dist/root for the next time.
set -euo pipefail
cd "$(dirname "$0")/.."

archive=$(ls -t dist/distlog-*-linux-"$(uname -m)".tar.gz 2>/dev/null | head -n 1)
[ -n "$archive" ] || { echo "test-dist: there is no archive in dist; run \"make dist\"" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || { echo "test-dist: must be root, for debootstrap and chroot" >&2; exit 77; }
command -v debootstrap >/dev/null || { echo "test-dist: debootstrap is missing (apt-get install debootstrap)" >&2; exit 69; }
# The first that this machine's apt knows, in either of its two forms of files.
apt_mirror() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
    awk '!found && ($1 == "URIs:" || $1 == "deb") { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; found = 1; break } }'
}
mirror=${DISTLOG_DEBIAN_MIRROR:-$(apt_mirror)}
[ -n "$mirror" ] || { echo "test-dist: set DISTLOG_DEBIAN_MIRROR" >&2; exit 78; }

root=$PWD/dist/root
if [ ! -e "$root/complete" ]; then
  rm -rf "$root"
  debootstrap --variant=minbase --include=libssl3,libnghttp2-14 bookworm "$root" "$mirror" >dist/debootstrap.log
  touch "$root/complete"
fi
rm -rf "$root/distlog" "$root/work"
mkdir -p "$root/distlog" "$root/work"
tar -xzf "$archive" -C "$root/distlog" --strip-components=1
scripts/certs.sh "$root/work/certs"
cp certs/policy.csv "$root/work/"

cat >"$root/work/test.sh" <<'END'
set -eu
cd /work
PATH=/distlog/bin:$PATH
distlogd --version
distlogd serve --id node1 --data data --listen 127.0.0.1:18400 --tls-cert certs/node1.pem --tls-key certs/node1-key.pem \
  --tls-ca certs/ca.pem --acl-policy policy.csv >out 2>log &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
tries=0
until grep -q ^ready out; do
  kill -0 $server || { cat log; exit 1; }
  tries=$((tries + 1)); [ $tries -lt 300 ] || { cat log; exit 1; }
  sleep 0.1
done
client() { distlog-client --servers 127.0.0.1:18400 --ca certs/ca.pem --cert certs/root.pem --key certs/root-key.pem "$@"; }
client produce --file /var/lib/dpkg/status --frame lines --ack-output none
client consume --from earliest --to end --frame lines >back
cmp /var/lib/dpkg/status back
kill -TERM $server
wait $server
trap - EXIT
distlogd verify data
END
# With /proc, where Swift reads a program's arguments; the mount is gone with the command.
unshare --mount sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" /bin/sh /work/test.sh' "$root"
for page in man8/distlogd.8.gz man1/distlog-client.1.gz; do test -s "$root/distlog/share/man/$page"; done
echo "test-dist: $(basename "$archive") works in a bare Debian 12 root"
