#!/usr/bin/env bash
# Makes dist/distlog-<version>-linux-<machine>.tar.gz of a build with the Swift runtime linked in: besides libc it needs
# libssl3 and libnghttp2-14. The same tree gives the same archive, byte for byte, with the same compiler.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck disable=SC2012
version=$(sed -n 's/.*current = "\(.*\)".*/\1/p' Sources/Core/LogAPI/ProjectVersion.swift)
[ -n "$version" ] || { echo "dist: no version in Sources/Core/LogAPI/ProjectVersion.swift" >&2; exit 1; }
name=distlog-$version-linux-$(uname -m)
build=(swift build -c release --static-swift-stdlib --scratch-path .build-dist
  --explicit-target-dependency-import-check error)

"${build[@]}" --product distlogd
"${build[@]}" --product distlog-client
programs=$("${build[@]}" --show-bin-path)
mkdir -p dist
work=$(mktemp -d dist/.new-XXXXXX)
trap 'rm -rf "$work"' EXIT
scripts/package.sh "$programs" "$work/$name" "$version"
# The time of the commit, so that a rebuild gives the same bytes.
stamp=$(git log -1 --format=%ct 2>/dev/null || echo 0)
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$stamp" -C "$work" -cf - "$name" |
  gzip -9n >"$work/$name.tar.gz"
mv -f "$work/$name.tar.gz" "dist/$name.tar.gz"
(cd dist && sha256sum "$name.tar.gz" >SHA256SUMS)
echo "dist: $(du -h "dist/$name.tar.gz" | cut -f1) dist/$name.tar.gz"
