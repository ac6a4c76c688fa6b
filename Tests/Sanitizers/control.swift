// The control of `make test-tsan` and `make test-asan`: each argument does one thing that must, or must not, be found.

import Glibc
import Synchronization

/// Memory that two threads use, protected or not.
final class Shared: @unchecked Sendable {
  let counter = UnsafeMutablePointer<Int>.allocate(capacity: 1)
  let mutex = Mutex(())

  init() { counter.initialize(to: 0) }
}

func onTwoThreads(once: Bool = false, _ body: @escaping @Sendable () -> Void) {
  var threads = once ? [pthread_t()] : [pthread_t(), pthread_t()]
  for number in threads.indices {
    let box = Unmanaged.passRetained(Box(body)).toOpaque()
    pthread_create(
      &threads[number], nil,
      { box in
        if let box { Unmanaged<Box>.fromOpaque(box).takeRetainedValue().body() }
        return nil
      }, box)
  }
  // Joining would make an order by itself.
  for thread in threads { _ = once ? pthread_detach(thread) : pthread_join(thread, nil) }
}

final class Box: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// What another thread leaves behind before it resumes the task, which has not begun to wait.
func resumedEarly() async -> [Int] {
  await withUnsafeContinuation { continuation in
    onTwoThreads(once: true) { continuation.resume(returning: [Int](repeating: 7, count: 100)) }
    // Long enough for that, and no order that the sanitizer could see.
    usleep(5_000)
  }
}

let shared = Shared()
switch CommandLine.arguments.dropFirst().first ?? "" {
case "mutex":
  onTwoThreads {
    for _ in 0..<200_000 { shared.mutex.withLock { _ in shared.counter.pointee += 1 } }
  }
case "race":
  onTwoThreads { for _ in 0..<1_000 { shared.counter.pointee += 1 } }
case "continuation":
  for _ in 0..<50 { shared.counter.pointee += await resumedEarly().reduce(0, +) }
case "overflow":
  let bytes = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 16)
  print(bytes.load(fromByteOffset: CommandLine.arguments.count + 15, as: UInt8.self))
default:
  print("usage: control mutex|race|continuation|overflow")
  exit(2)
}
print("counter: \(shared.counter.pointee)")
