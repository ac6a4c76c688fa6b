#!/usr/bin/env bash
# usage: scripts/fuzz.sh [seconds] [target...]
# Runs each fuzz target for so many seconds (default 60) from its kept inputs and seeds; fails when one of them crashes, hangs
# or grows. `scripts/fuzz.sh keep` afterwards adds what reached new code to the kept inputs, as few and as small as can be.
set -euo pipefail
cd "$(dirname "$0")/.."

out=fuzz-out
kept=Tests/FuzzTests/Corpus
binary=.build-fuzz/release/distlog-fuzz
all=(wire framing http2-server http2-client frame index image policy)
# The sanitizers' own memory counts against the limit, so little of what was freed is held back.
export ASAN_OPTIONS="quarantine_size_mb=16${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
# The sanitizer tells of a crash; Swift's own backtrace would hold up the run.
export SWIFT_BACKTRACE=enable=no

build() {
  # swiftc forgets coverage when it is told of two sanitizers in two options, as SwiftPM does: hence the last flag.
  DISTLOG_FUZZ=1 swift build -c release --scratch-path .build-fuzz --product distlog-fuzz \
    --sanitize fuzzer --sanitize address \
    -Xswiftc -sanitize-coverage=edge,indirect-calls,inline-8bit-counters,pc-table,trace-cmp
}

# limits <target>: the options that every run has. The program itself counts a second of processor time as a hang; the limit
# here is wall clock, for what never ends.
limits() {
  local length
  mkdir -p "$out/seeds/$1"
  length=$(DISTLOG_FUZZ_TARGET=$1 DISTLOG_FUZZ_SEEDS=$out/seeds/$1 "$binary" | awk '/^max_len/ { print $2 }')
  printf -- '-timeout=60 -rss_limit_mb=512 -max_len=%s\n' "$length"
}

fuzz() {
  local target=$1 seconds=$2 log=$out/$1.log options code=0
  mkdir -p "$out/corpus/$target" "$out/crashes/$target" "$kept/$target"
  options=$(limits "$target")
  # shellcheck disable=SC2086 # several options
  DISTLOG_FUZZ_TARGET=$target "$binary" $options -max_total_time="$seconds" -len_control=20 \
    -print_final_stats=1 -artifact_prefix="$out/crashes/$target/" \
    "$out/corpus/$target" "$kept/$target" "$out/seeds/$target" >"$log" 2>&1 || code=$?
  awk -v target="$target" '
    match($0, /cov: [0-9]+/) { cover = substr($0, RSTART + 5, RLENGTH - 5) }
    /stat::number_of_executed_units/ { runs = $2 }
    /stat::peak_rss_mb/ { memory = $2 }
    END { printf "%-13s %10d runs, %6d edges, %4d MiB\n", target, runs, cover, memory }' "$log"
  # 300 is far below what any target reaches: less means that the modules were built without coverage.
  if ! awk 'match($0, /cov: [0-9]+/) && substr($0, RSTART + 5, RLENGTH - 5) + 0 > 300 { found = 1 }
            END { exit !found }' "$log"; then
    echo "$target: almost no edge was reached; is the coverage built in?" >&2
    return 1
  fi
  [ "$code" -eq 0 ] && return 0
  echo "$target: ended with $code; the report is in $log, and the input again by" >&2
  for input in "$out/crashes/$target"/*; do
    [ -e "$input" ] && echo "  DISTLOG_FUZZ_TARGET=$target $binary -timeout=60 $input" >&2
  done
  echo "  once it is mended, keep the input: mv it to $kept/$target" >&2
  return 1
}

keep() {
  local target=$1 new
  [ -d "$out/corpus/$target" ] || return 0
  new=$(mktemp -d)
  mkdir -p "$kept/$target"
  # Small ones only: a test runs them all, and they stay in git for ever.
  DISTLOG_FUZZ_TARGET=$target "$binary" -merge=1 -set_cover_merge=1 -use_counters=0 -timeout=5 \
    -max_len="${KEEP_BYTES:-2048}" \
    "$new" "$kept/$target" "$out/corpus/$target" "$out/seeds/$target" >"$out/$target.merge.log" 2>&1
  find "$kept/$target" -type f ! -name 'regression-*' -delete
  mv -n "$new"/* "$kept/$target/"
  rmdir "$new"
  echo "$target: $(find "$kept/$target" -type f | wc -l) inputs kept"
}

build
if [ "${1:-}" = keep ]; then
  shift
  for target in "${@:-${all[@]}}"; do keep "$target"; done
  exit 0
fi
seconds=${1:-60}
shift $(($# > 0 ? 1 : 0))
failed=0
for target in "${@:-${all[@]}}"; do fuzz "$target" "$seconds" || failed=1; done
exit $failed
