internal import Glibc

/// Why a stream of bytes cannot be cut into records; the numbers count records from 1.
package enum SplitError: Error, Equatable, Sendable {
  /// `size` is what is known of it so far: for lines at least that.
  case tooLong(number: Int, size: Int, limit: Int)
  /// The input ended inside a record of `.length` framing.
  case truncated(number: Int, missing: Int)
}

/// Cuts a stream that comes in chunks into records, without copying them.
///
/// Fill `space()`, tell how much with `filled(_:)`, then take records with `next()` until it gives
/// nil. A record is valid until the next `space()`. Memory is bounded by the limit of a record.
package struct RecordSplitter: ~Copyable {
  private let framing: Framing
  private let limit: Int
  private let chunk: Int
  private var memory: UnsafeMutableRawBufferPointer
  /// Invariant: begin <= scanned <= end <= memory.count. Bytes below `scanned` hold no terminator.
  private var begin = 0
  private var scanned = 0
  private var end = 0
  private var hasEnded = false
  private var hasGivenWhole = false
  /// Records given so far of this input, blank lines of `.json` among them.
  package private(set) var count = 0

  /// - Parameters:
  ///   - limit: the most bytes of a record.
  ///   - chunk: the least room that `space()` gives.
  package init(_ framing: Framing, limit: Int, chunk: Int = 256 << 10) {
    self.framing = framing
    self.limit = limit
    self.chunk = max(chunk, 1)
    memory = .allocate(byteCount: 2 * self.chunk, alignment: 16)
  }

  deinit { memory.deallocate() }

  /// Whether records or parts of one are at hand.
  package var isEmpty: Bool { begin == end }

  // MARK: - Filling

  /// Room for more input. What was given by `next()` before is no longer valid.
  package mutating func space() -> UnsafeMutableRawBufferPointer {
    if memory.count - end < chunk { makeRoom() }
    return UnsafeMutableRawBufferPointer(rebasing: memory[end...])
  }

  /// Tells that `count` bytes of `space()` are filled now.
  package mutating func filled(_ count: Int) {
    precondition(count <= memory.count - end, "\(count) bytes in room for \(memory.count - end)")
    end += count
  }

  /// Tells that nothing follows: what is left is the last record.
  package mutating func inputEnded() { hasEnded = true }

  /// Begins another input, a file after a file: no record reaches over the border.
  package mutating func inputBegins() {
    hasEnded = false
    hasGivenWhole = false
    count = 0
  }

  /// Moves what is left to the front, into more memory when it fills more than half.
  private mutating func makeRoom() {
    let left = end - begin
    var target = memory
    if left + chunk > memory.count {
      target = .allocate(byteCount: max(2 * memory.count, left + chunk), alignment: 16)
    }
    if left > 0, let from = memory.baseAddress, let to = target.baseAddress {
      memmove(to, from + begin, left)
    }
    if target.baseAddress != memory.baseAddress {
      memory.deallocate()
      memory = target
    }
    scanned -= begin
    begin = 0
    end = left
  }

  // MARK: - Taking

  /// The next whole record; nil when more input is needed, or all was given.
  package mutating func next() throws(SplitError) -> UnsafeRawBufferPointer? {
    switch framing {
    case .lines: try terminated(by: 0x0A)
    case .nul: try terminated(by: 0)
    case .json: try nonBlankLine()
    case .length: try prefixed()
    case .whole: try whole()
    }
  }

  private mutating func terminated(by byte: UInt8) throws(SplitError) -> UnsafeRawBufferPointer? {
    guard let base = memory.baseAddress, begin < end else { return nil }
    if let found = memchr(base + scanned, Int32(byte), end - scanned) {
      let length = (found - UnsafeMutableRawPointer(base)) - begin
      try check(length)
      defer { scanned = begin }
      return take(length, skipping: 1)
    }
    scanned = end
    try check(end - begin)
    return hasEnded ? take(end - begin, skipping: 0) : nil
  }

  private mutating func nonBlankLine() throws(SplitError) -> UnsafeRawBufferPointer? {
    while let line = try terminated(by: 0x0A) {
      if line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) { return line }
    }
    return nil
  }

  private mutating func prefixed() throws(SplitError) -> UnsafeRawBufferPointer? {
    let prefix = Framing.lengthPrefixBytes
    let available = end - begin
    guard available > 0 else { return nil }
    guard available >= prefix else {
      if hasEnded { throw .truncated(number: count + 1, missing: prefix - available) }
      return nil
    }
    let length = Int(
      UInt32(bigEndian: memory.loadUnaligned(fromByteOffset: begin, as: UInt32.self)))
    try check(length)
    guard available - prefix >= length else {
      if hasEnded { throw .truncated(number: count + 1, missing: length + prefix - available) }
      return nil
    }
    begin += prefix
    return take(length, skipping: 0)
  }

  private mutating func whole() throws(SplitError) -> UnsafeRawBufferPointer? {
    try check(end - begin)
    guard hasEnded, !hasGivenWhole else { return nil }
    hasGivenWhole = true
    return take(end - begin, skipping: 0)
  }

  private func check(_ length: Int) throws(SplitError) {
    guard length <= limit else {
      throw .tooLong(number: count + 1, size: length, limit: limit)
    }
  }

  private mutating func take(_ length: Int, skipping: Int) -> UnsafeRawBufferPointer {
    let record = UnsafeRawBufferPointer(rebasing: memory[begin..<begin + length])
    begin += length + skipping
    scanned = max(scanned, begin)
    count += 1
    return record
  }
}
