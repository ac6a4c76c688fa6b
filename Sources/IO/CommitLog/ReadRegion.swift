/// A stretch of a file in memory, reused from read to read.
final class ReadRegion {
  private(set) var memory: UnsafeMutableRawBufferPointer
  /// Where in the file the bytes come from.
  private(set) var start: UInt64 = 0
  private(set) var count = 0

  init(capacity: Int) {
    memory = .allocate(byteCount: capacity, alignment: 64)
  }

  deinit { memory.deallocate() }

  var end: UInt64 { start + UInt64(count) }

  func forget() { count = 0 }

  /// The bytes from `position` on, as many as are here.
  func bytes(from position: UInt64) -> UnsafeRawBufferPointer {
    guard position >= start, position < end else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return UnsafeRawBufferPointer(rebasing: memory[Int(position - start)..<count])
  }

  /// Brings at least `need` bytes from `position` on here, up to `want` where that costs no second read; false where
  /// that would wait for the disk and must not. Fewer bytes than `need` where the file ends or `limit` is.
  func load<File: DiskFile>(
    _ file: File, at position: UInt64, need: Int, want: Int, limit: UInt64 = .max, mayBlock: Bool
  ) throws(CommitLogError) -> Bool {
    let here = bytes(from: position)
    guard here.count < need else { return true }
    let wanted = Int(min(UInt64(max(need, want)), limit > position ? limit - position : 0))
    guard here.count < wanted else { return true }
    moveToFront(here, capacity: wanted)
    start = position
    let target = UnsafeMutableRawBufferPointer(rebasing: memory[here.count..<wanted])
    let got = try file.read(into: target, at: position + UInt64(here.count), mayBlock: mayBlock)
    count = here.count + (got ?? 0)
    return mayBlock || count >= min(need, wanted)
  }

  private func moveToFront(_ bytes: UnsafeRawBufferPointer, capacity: Int) {
    if capacity > memory.count {
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 64)
      larger.copyMemory(from: bytes)
      memory.deallocate()
      memory = larger
    } else if bytes.count > 0 {
      memory.copyMemory(from: bytes)
    }
    count = bytes.count
  }
}
