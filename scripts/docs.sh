#!/usr/bin/env bash
# Builds the documentation of the two libraries into .build/docs, with the toolchain's docc and without a dependency.
# Fails on any warning of docc and on any public declaration that says nothing. Needs a build (`make docs` makes it).
set -euo pipefail
cd "$(dirname "$0")/.."

products=$(swift build --show-bin-path)
target=$(swift -print-target-info | python3 -c 'import json, sys; print(json.load(sys.stdin)["target"]["triple"])')
out=.build/docs
graphs=.build/symbol-graphs

# The modules of C that a Swift module was compiled with must be found again to load it.
maps=()
for map in "$products"/*.build/module.modulemap Sources/IO/*/module.modulemap \
  .build/checkouts/*/Sources/*/include/module.modulemap; do
  maps+=(-Xcc "-fmodule-map-file=$(realpath "$map")")
done

rm -rf "$out" "$graphs"
mkdir -p "$out"
for module in CommitLog DistlogClient; do
  mkdir -p "$graphs/$module"
  swift symbolgraph-extract -module-name "$module" -target "$target" -I "$products/Modules" \
    "${maps[@]}" -minimum-access-level public -skip-synthesized-members \
    -output-dir "$graphs/$module"
  python3 - "$graphs/$module/$module.symbols.json" <<'PYTHON'
import json
import sys

silent = []
for symbol in json.load(open(sys.argv[1]))["symbols"]:
    # What the compiler adds has no place in a file.
    if "location" in symbol and "docComment" not in symbol:
        place = symbol["location"]
        file = place["uri"].removeprefix("file://")
        line = place["position"]["line"] + 1
        silent.append(f"{file}:{line}: {'.'.join(symbol['pathComponents'])} is public and not documented")
print("\n".join(silent), end="\n" if silent else "", file=sys.stderr)
sys.exit(1 if silent else 0)
PYTHON
  docc convert --fallback-display-name "$module" --fallback-bundle-identifier "distlog.$module" \
    --additional-symbol-graph-dir "$graphs/$module" --output-path "$out/$module.doccarchive" \
    --warnings-as-errors
done
echo "documentation in $out; docc preview or any web server shows it"
