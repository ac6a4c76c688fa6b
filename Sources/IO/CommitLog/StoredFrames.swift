/// Why bytes are not the frames that they should be.
package struct FrameFault: Error, Equatable {
  package let what: String
}

/// Whole frames as they are stored, one behind the other, with nothing between: what travels to another node's log.
package struct StoredFrames: Sendable {
  package private(set) var bytes: [UInt8] = []
  package private(set) var headers: [FrameHeader] = []
  /// Where each frame starts in `bytes`.
  private var starts: [Int] = []

  package init() {}

  /// Takes frames that came from elsewhere; every header and body is checked, and that they follow each other.
  package init(checking bytes: [UInt8]) throws(FrameFault) {
    var position = 0
    while position < bytes.count {
      let header = try StoredFrames.check(bytes, at: position)
      try note(header, at: position)
      position += header.frameBytes
    }
    self.bytes = bytes
  }

  package var isEmpty: Bool { headers.isEmpty }

  /// Adds one frame.
  mutating func append(_ frame: [UInt8]) throws(FrameFault) {
    let header = try StoredFrames.check(frame, at: 0)
    guard header.frameBytes == frame.count else {
      throw FrameFault(what: "\(frame.count) bytes are not one frame")
    }
    try note(header, at: bytes.count)
    bytes += frame
  }

  private mutating func note(_ header: FrameHeader, at position: Int) throws(FrameFault) {
    if let last = headers.last {
      guard header.index == last.index + 1, header.baseOffset == last.nextOffset,
        header.term >= last.term
      else { throw FrameFault(what: "entry \(header.index) does not follow \(last.index)") }
    }
    headers.append(header)
    starts.append(position)
  }

  private static func check(_ bytes: [UInt8], at position: Int) throws(FrameFault) -> FrameHeader {
    // A closure of a rethrowing function loses the error's type, so the result is carried out.
    let result = bytes.withUnsafeBytes { (all) -> Result<FrameHeader, FrameFault> in
      let rest = UnsafeRawBufferPointer(rebasing: all[position...])
      guard rest.count >= FrameHeader.size, let base = rest.baseAddress else {
        return .failure(FrameFault(what: "the frame header is cut off"))
      }
      let header: FrameHeader
      do throws(FrameHeader.Flaw) {
        header = try FrameHeader(checking: base)
      } catch {
        return .failure(FrameFault(what: error.text))
      }
      guard header.frameBytes <= rest.count else {
        return .failure(FrameFault(what: "the frame body is cut off"))
      }
      let body = UnsafeRawBufferPointer(rebasing: rest[FrameHeader.size..<header.frameBytes])
      guard CRC32C.checksum(body) == header.bodyChecksum else {
        return .failure(FrameFault(what: "the checksum of the frame body is wrong"))
      }
      return .success(header)
    }
    return try result.get()
  }

  /// The bytes of the frame number `place`, its header not among them.
  package func body(_ place: Int) -> [UInt8] {
    let start = starts[place] + FrameHeader.size
    return Array(bytes[start..<start + Int(headers[place].bodyLength)])
  }

  /// The frames from the entry `first` on as a batch to be written.
  package func batch(from first: UInt64) -> FrameBatch {
    let batch = FrameBatch(capacity: bytes.count)
    bytes.withUnsafeBytes { all in
      for (header, start) in zip(headers, starts) where header.index >= first {
        batch.appendStored(
          header, UnsafeRawBufferPointer(rebasing: all[start..<start + header.frameBytes]))
      }
    }
    return batch
  }
}

extension FrameBatch {
  /// Copies of the finished frames from the entry `first` to `last`, as they stand: to be taken before the batch is handed
  /// to the disk, which marks them.
  package func copy(from first: UInt64, through last: UInt64) -> [UInt8] {
    let wanted = finished.filter { $0.index >= first && $0.index <= last }
    guard let start = wanted.first, let end = wanted.last else { return [] }
    let count = end.start + end.length - start.start
    return [UInt8](UnsafeRawBufferPointer(start: memory + start.start, count: count))
  }

  /// The last entry that fits in `maxBytes` with those from `first` on; `first` at least.
  package func lastIndex(from first: UInt64, maxBytes: Int) -> UInt64 {
    var last = first
    var bytes = 0
    for frame in finished where frame.index >= first {
      bytes += frame.length
      guard frame.index == first || bytes <= maxBytes else { break }
      last = frame.index
    }
    return last
  }
}
