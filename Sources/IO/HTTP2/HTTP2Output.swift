/// Plain bytes on their way to the TLS layer: one growable buffer, usually one per event loop.
package final class HTTP2Output {
  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  package private(set) var count = 0

  package init(capacity: Int = 128 << 10) {
    self.capacity = max(capacity, 4096)
    base = .allocate(byteCount: self.capacity, alignment: 16)
  }

  deinit { base.deallocate() }

  /// All bytes; valid until the next change.
  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  package func removeAll() { count = 0 }

  @inline(__always)
  func append(_ source: UnsafeRawPointer, _ length: Int) {
    if count + length > capacity { grow(by: length) }
    (base + count).copyMemory(from: source, byteCount: length)
    count += length
  }

  private func grow(by length: Int) {
    capacity = max(2 * capacity, count + length)
    let fresh = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    fresh.copyMemory(from: base, byteCount: count)
    base.deallocate()
    base = fresh
  }
}
