#!/bin/sh
# Fails when the generated files differ from what the .proto files give, or when a published
# field, value or method changed in a way that breaks clients. Writes nothing here.
set -eu
cd "$(dirname "$0")/.."

python=${DISTLOG_PYTHON:-.tools/venv/bin/python}
[ -x "$python" ] || {
  echo "check-protos: $python is missing; run 'make deps'" >&2
  exit 1
}
"$python" scripts/compare-protos.py --self-test

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
# The published descriptor goes along, so that an incompatible change is named as such.
mkdir -p "$fresh/CodecTests/Golden"
cp Tests/CodecTests/Golden/log.v1.golden.desc "$fresh/CodecTests/Golden/"
scripts/protos.sh "$fresh"
diff -u Sources/Core/LogAPI/PublishedDescriptors.swift "$fresh/PublishedDescriptors.swift" || {
  echo "check-protos: PublishedDescriptors.swift is out of date; run 'make protos' and commit what it writes" >&2
  exit 1
}
for part in CLogProto CodecTests/Golden; do
  diff -ru "Tests/$part" "$fresh/$part" || {
    echo "check-protos: Tests/$part is out of date; run 'make protos' and commit what it writes" >&2
    exit 1
  }
done
