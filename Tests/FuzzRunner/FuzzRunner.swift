// What libFuzzer calls. Its runtime has the `main`; which target runs is said by DISTLOG_FUZZ_TARGET.

import FuzzTargets
import Glibc

/// The target of this process.
private let target: FuzzTarget = {
  let name = getenv("DISTLOG_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = FuzzTarget(rawValue: name) else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: " ")
    print("DISTLOG_FUZZ_TARGET is \"\(name)\"; it must be one of: \(names)")
    exit(2)
  }
  return target
}()

/// Writes the seeds and ends, when DISTLOG_FUZZ_SEEDS names a folder for them.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?
) -> CInt {
  guard let folder = getenv("DISTLOG_FUZZ_SEEDS").map({ String(cString: $0) }) else { return 0 }
  for (number, seed) in target.seeds.enumerated() {
    guard let file = fopen("\(folder)/seed-\(number)", "w") else {
      print("\(folder)/seed-\(number) cannot be written")
      exit(2)
    }
    let written = fwrite(seed, 1, seed.count, file)
    guard fclose(file) == 0, written == seed.count else {
      print("\(folder)/seed-\(number) was not written whole")
      exit(2)
    }
  }
  print("max_len \(target.maxInputBytes)")
  exit(0)
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafeRawPointer?, _ count: Int) -> CInt {
  let started = processorTime()
  do throws(FuzzFinding) {
    try target.run(UnsafeRawBufferPointer(start: bytes, count: count))
  } catch {
    fatalError("\(target.rawValue): \(error.description)")
  }
  let used = processorTime() - started
  guard used <= maxSeconds else {
    fatalError("\(target.rawValue): \(used) s of processor time for \(count) bytes")
  }
  return 0
}

/// An input that takes longer is a hang. Not the fuzzer's own limit, which is the clock on the wall: on a busy machine
/// that finds hangs where there are none. It is left to catch what never ends.
private let maxSeconds = 1.0

/// Of this thread, in seconds.
private func processorTime() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
