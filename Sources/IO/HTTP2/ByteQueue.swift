/// A growable run of bytes, appended at the tail and taken from the head; plain data, so that it
/// can live in manually managed stream state. Whoever owns it calls `release`.
///
/// Invariant: 0 <= head <= tail <= capacity.
struct ByteQueue {
  private var base: UnsafeMutableRawPointer?
  private var head = 0
  private var tail = 0
  private(set) var capacity = 0

  var count: Int { tail - head }

  /// The first `length` bytes; valid until the next mutation.
  func prefix(_ length: Int) -> UnsafeRawBufferPointer {
    precondition(length <= count)
    return UnsafeRawBufferPointer(start: base.map { UnsafeRawPointer($0) + head }, count: length)
  }

  /// Room for `length` more bytes behind the tail; `commit` makes them part of the queue.
  mutating func reserve(_ length: Int, from pool: HTTP2Pool) -> UnsafeMutableRawBufferPointer {
    precondition(length >= 0)
    if tail + length > capacity { makeRoom(for: length, from: pool) }
    return UnsafeMutableRawBufferPointer(start: base.map { $0 + tail }, count: length)
  }

  mutating func commit(_ length: Int) {
    precondition(tail + length <= capacity)
    tail += length
  }

  mutating func drop(_ length: Int) {
    precondition(length <= count)
    head += length
    if head == tail { head = 0; tail = 0 }
  }

  /// Gives large memory back to the pool once the queue is empty, so that an idle stream holds
  /// little; small memory stays for the next message.
  mutating func shrinkIfEmpty(into pool: HTTP2Pool) {
    guard count == 0, capacity > HTTP2Pool.keptCapacity else { return }
    release(into: pool)
  }

  mutating func release(into pool: HTTP2Pool) {
    if let base { pool.give(base, capacity: capacity) }
    self = ByteQueue()
  }

  private mutating func makeRoom(for length: Int, from pool: HTTP2Pool) {
    let used = count
    if used + length <= capacity, head >= capacity / 2, let base {
      base.copyMemory(from: base + head, byteCount: used)
    } else {
      // By a share of what is there, or else the bytes of a long queue would be copied once for each MiB of it.
      let (fresh, size) = pool.take(
        atLeast: max(used + length, min(2 * capacity, max(used + (1 << 20), used + used / 2))))
      if let base {
        fresh.copyMemory(from: base + head, byteCount: used)
        pool.give(base, capacity: capacity)
      }
      base = fresh
      capacity = size
    }
    head = 0
    tail = used
  }
}
