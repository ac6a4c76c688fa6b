#!/usr/bin/env bash
# usage: scripts/sanitize.sh thread|address
# Builds everything with the sanitizer in a folder of its own, proves that it finds what it must, then runs the tests that
# need it and the real server under load and rough peers. Fails when any process reported anything.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:?thread or address}
case $kind in
  thread)
    scratch=.build-tsan
    suites='RaftServiceTests|LogServiceTests|RPCTests|HTTP2Tests|DistlogClientTests|CommitLogTests|AgentTests'
    ;;
  address)
    scratch=.build-asan
    suites='CommitLogTests|HTTP2Tests|TLSTests|RPCTests|CodecTests|ProtobufTests|GRPCWireTests|LogServiceTests|FuzzTests'
    ;;
  *) echo "usage: $0 thread|address" >&2; exit 2 ;;
esac
reports=$PWD/$scratch/reports
python=.tools/venv/bin/python
compilers=$(dirname "$(readlink -f "$(command -v swift)")")

# The linker of the toolchain warns of its own sanitizer's symbols, hundreds of lines each time.
quietly() { "$@" 2> >(grep -v 'Cannot export local symbol' >&2); }

# Optimised: without it the accesses of UnsafeRawPointer are calls into the standard library, which is not instrumented.
quietly swift build -c release --build-tests --sanitize "$kind" --scratch-path "$scratch" \
  -Xswiftc -enable-testing
rm -rf "$reports"
mkdir -p "$reports"
quietly swiftc -O -g -sanitize="$kind" Tests/Sanitizers/control.swift -o "$scratch/control"

options="log_path=$reports/report:exitcode=66"
export TSAN_OPTIONS="$options:halt_on_error=0:history_size=4:suppressions=$PWD/Tests/Sanitizers/races.supp:print_suppressions=0"
# Leaks are not looked for here: Swift keeps addresses shifted in reference counts, and Foundation with other bits in them, so
# that LeakSanitizer takes what is alive for lost, by the hundred. The attack tests watch the memory of a real server.
export ASAN_OPTIONS="$options:detect_leaks=0:detect_stack_use_after_return=0"
hints=''
if [ "$kind" = thread ]; then
  "$compilers/clang" -O1 -shared -fPIC Tests/Sanitizers/hints.c -o "$scratch/hints.so" -ldl
  hints=$PWD/$scratch/hints.so
fi

# control <what> found|silent: that the sanitizer finds what it must, and nothing else.
control() {
  local code=0
  LD_PRELOAD=$hints "$scratch/control" "$1" >"$reports/control.out" 2>&1 || code=$?
  if [ "$2" = found ] && { [ "$code" -eq 0 ] || ! compgen -G "$reports/report.*" >/dev/null; }; then
    echo "control: $1 was not found" >&2
    exit 1
  fi
  if [ "$2" = silent ] && compgen -G "$reports/report.*" >/dev/null; then
    echo "control: $1 was reported, and is in order" >&2
    exit 1
  fi
  echo "control: $1 is $2"
  rm -f "$reports"/*
}
control mutex silent
control continuation silent
if [ "$kind" = thread ]; then control race found; else control overflow found; fi

failed=0
# run <name> <command...>: at most ten minutes.
run() {
  local name=$1 started=$SECONDS
  shift
  if timeout 600 env LD_PRELOAD="$hints" "$@" >"$reports/$name.out" 2>&1; then
    echo "$name: passed in $((SECONDS - started)) s"
  else
    echo "$name: FAILED with $? in $((SECONDS - started)) s; see $reports/$name.out" >&2
    failed=1
  fi
}
export DISTLOG_BIN_DIR=$PWD/$scratch/release
run tests swift test -c release --skip-build --scratch-path "$scratch" --sanitize "$kind" \
  -Xswiftc -enable-testing --disable-xctest --no-parallel --filter "^($suites)\\."
run kill "$python" Tests/ProcessTests/kill_rounds.py --rounds 3
run rough "$python" Tests/ProcessTests/rough_peers.py
run drain "$python" Tests/ProcessTests/stopping.py

found=$(find "$reports" -name 'report.*' -size +0 | wc -l)
if [ "$found" -gt 0 ]; then
  echo "$found processes reported something; the reports are $reports/report.*" >&2
  grep -ahE '^(SUMMARY|.*ERROR: )' "$reports"/report.* | sort | uniq -c | sort -rn | head -20 >&2
  failed=1
fi
[ "$failed" -eq 0 ] && echo "no report"
exit "$failed"
