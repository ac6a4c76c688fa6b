#!/usr/bin/env bash
# Everything that can be found wrong without building. Reads only; reports all faults, not just the first.
set -uo pipefail
cd "$(dirname "$0")/.."

faults=0
# check <what must be true> <command...>
check() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then
    printf 'ok    %s\n' "$what"
  else
    printf 'FAULT %s\n' "$what"
    printf '%s\n' "$output" | sed 's/^/      /'
    faults=$((faults + 1))
  fi
}

sources_are_formatted() { swift format lint --strict --recursive Package.swift Sources Tests Examples; }

# grep: 0 found, 1 nothing found, more: could not look.
finds_nothing() {
  grep "$@"
  [ $? -eq 1 ]
}

cores_import_no_system() {
  finds_nothing -rnE \
    '^(@[A-Za-z_() ]+ )?(public |package |internal |fileprivate |private )?import (struct |class |enum |func |let |var |protocol |typealias )?(Foundation|FoundationEssentials|Glibc|Musl|Dispatch|Synchronization)' \
    Sources/Core
}

cores_use_no_clock_or_chance() {
  finds_nothing -rnE '\.random\(|\.shuffled\(\)|\.randomElement\(\)|Clock\(\)|Task[ .{(]' Sources/Core
}

manifest_is_usable_by_others() { finds_nothing -n 'unsafeFlags' Package.swift; }

only_libraries_are_public() {
  local others
  others=$(find Sources -mindepth 2 -maxdepth 2 -type d ! -name CommitLog ! -name DistlogClient)
  # shellcheck disable=SC2086 # one word to a folder
  finds_nothing -rnE '^ *(@[A-Za-z]+(\([^)]*\))? )*(public|open) [a-z@]' --include='*.swift' $others
}

files_are_short() {
  git ls-files -co --exclude-standard -- Sources Tests Examples ':!Tests/CLogProto' |
    grep -E '\.(swift|c|h|py)$' | tr '\n' '\0' | xargs -0 -r wc -l |
    awk '$2 != "total" && $1 > 500 { print $2 ": " $1 " lines, at most 500"; long = 1 } END { exit long }'
}

nothing_private_is_tracked() {
  ! git ls-files | grep -E '\.(pem|key|csr|srl|p12)$|^Package\.resolved$|^\.build/|^\.tools/'
}

scripts_parse() {
  local script status=0
  for script in scripts/*.sh .ci/run; do
    bash -n "$script" || status=1
    [ -x "$script" ] || { echo "$script is not executable"; status=1; }
  done
  return $status
}

check 'sources are formatted' sources_are_formatted
check 'cores import neither Foundation, Glibc, Dispatch nor Synchronization' cores_import_no_system
check 'cores use no clock, no randomness, no task' cores_use_no_clock_or_chance
check 'the manifest has no unsafe flags' manifest_is_usable_by_others
check 'only the two libraries have public declarations' only_libraries_are_public
check 'no source file is over 500 lines' files_are_short
check 'no key, certificate or build product is tracked' nothing_private_is_tracked
check 'scripts parse and are executable' scripts_parse
check 'links, paths, examples and tests named in the documents exist' python3 scripts/check-docs.py
check 'protos, generated code and codec agree' scripts/check-protos.sh

[ $faults -eq 0 ] || { echo "$faults checks failed; make fix repairs the format" >&2; exit 1; }
