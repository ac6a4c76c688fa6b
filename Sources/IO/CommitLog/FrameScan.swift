/// Walks a store frame by frame, checking everything: how far it is good, and what is behind that.
struct FrameScan<File: DiskFile> {
  /// Why the walk ended.
  enum Stop: Equatable {
    /// The file ends here, or holds only zeros from here on: reserved space.
    case end
    /// What stands here is no good frame.
    case flaw(String)
  }

  private let file: File
  private let fileEnd: UInt64
  private let region = ReadRegion(capacity: 1 << 20)
  private(set) var position = UInt64(SegmentHeader.size)
  private(set) var nextIndex: UInt64
  private(set) var nextOffset: UInt64
  private var term: UInt64
  /// The last good frame; nil when there is none.
  private(set) var last: FrameHeader?
  /// The highest commit mark in good frames.
  private(set) var commitMark: UInt64 = 0

  init(_ file: File, _ header: SegmentHeader) throws(CommitLogError) {
    self.file = file
    fileEnd = try file.size()
    nextIndex = header.firstIndex
    nextOffset = header.baseOffset
    term = header.termBefore
  }

  /// Goes to the first byte that is not a good frame, telling each good one, its position and its body.
  ///
  /// - Parameter end: the entry before which it ends in any case.
  mutating func run(
    before end: UInt64 = .max,
    _ found: (FrameHeader, UInt64, _ body: UnsafeRawBufferPointer) throws(CommitLogError) -> Void
  ) throws(CommitLogError) -> Stop {
    while nextIndex < end {
      let header: FrameHeader
      switch try frame(at: position) {
      case .failure(let flaw):
        // What a newer version wrote is no torn write, wherever it stands.
        if let format = flaw.format {
          throw .unsupportedFormat(
            file: file.path, found: Int(format), supported: Int(FrameHeader.format))
        }
        return try zerosOnly(from: position) ? .end : .flaw(flaw.what)
      case .success(let good): header = good
      }
      guard header.index == nextIndex else {
        return .flaw("entry \(header.index) stands where \(nextIndex) should")
      }
      guard header.baseOffset == nextOffset else {
        return .flaw("offset \(header.baseOffset) stands where \(nextOffset) should")
      }
      guard header.term >= term else {
        return .flaw("term \(header.term) follows \(term)")
      }
      try found(header, position, body(of: header, at: position))
      position += UInt64(header.frameBytes)
      nextIndex += 1
      nextOffset = header.nextOffset
      term = header.term
      commitMark = max(commitMark, header.commitMark)
      last = header
    }
    return .end
  }

  /// Goes to the next good frame behind the flaw at `position`, which may be entries further on: false where there is none.
  /// For looking at what is left of a damaged store; a log is never opened this way.
  mutating func skipFlaw() throws(CommitLogError) -> Bool {
    // A client's value may look like a frame: where the bad frame's header is good, its body is passed over.
    var place = try endOfClaimedFrame() ?? position + 1
    while let candidate = try nextMagic(from: place) {
      place = candidate + 1
      guard case .success(let header) = try frame(at: candidate), header.index >= nextIndex,
        header.baseOffset >= nextOffset, header.term >= term
      else { continue }
      position = candidate
      nextIndex = header.index
      nextOffset = header.baseOffset
      return true
    }
    return false
  }

  private func body(of header: FrameHeader, at place: UInt64) -> UnsafeRawBufferPointer {
    let whole = region.bytes(from: place)
    guard whole.count >= header.frameBytes else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return UnsafeRawBufferPointer(rebasing: whole[FrameHeader.size..<header.frameBytes])
  }

  private struct Flaw: Error {
    var what: String
    /// Of a frame that is whole and of another version.
    var format: UInt8?
  }

  /// The frame at `place`, header and body checked.
  private func frame(at place: UInt64) throws(CommitLogError) -> Result<FrameHeader, Flaw> {
    _ = try region.load(file, at: place, need: FrameHeader.size, want: 1 << 20, mayBlock: true)
    let bytes = region.bytes(from: place)
    guard bytes.count >= FrameHeader.size, let base = bytes.baseAddress else {
      return .failure(Flaw(what: "the frame header is cut off"))
    }
    let header: FrameHeader
    do throws(FrameHeader.Flaw) {
      header = try FrameHeader(checking: base)
    } catch {
      guard case .format(let format) = error else { return .failure(Flaw(what: error.text)) }
      return .failure(Flaw(what: error.text, format: format))
    }
    // A length is believed only as far as the file reaches, before memory is taken for it.
    guard UInt64(header.frameBytes) <= fileEnd - place else {
      return .failure(Flaw(what: "the frame body is cut off"))
    }
    _ = try region.load(file, at: place, need: header.frameBytes, want: 1 << 20, mayBlock: true)
    let whole = region.bytes(from: place)
    guard whole.count >= header.frameBytes else {
      return .failure(Flaw(what: "the frame body is cut off"))
    }
    let body = UnsafeRawBufferPointer(rebasing: whole[FrameHeader.size..<header.frameBytes])
    guard CRC32C.checksum(body) == header.bodyChecksum else {
      return .failure(Flaw(what: "the checksum of the frame body is wrong"))
    }
    return .success(header)
  }

  private func zerosOnly(from start: UInt64) throws(CommitLogError) -> Bool {
    try lastNonZero(from: start) == nil
  }

  /// The byte behind the last one from `start` on that is not zero.
  func lastNonZero(from start: UInt64) throws(CommitLogError) -> UInt64? {
    var place = start
    var found: UInt64?
    while place < fileEnd {
      _ = try region.load(file, at: place, need: 1, want: 1 << 20, mayBlock: true)
      let bytes = region.bytes(from: place)
      guard bytes.count > 0 else { break }
      if let last = bytes.lastIndex(where: { $0 != 0 }) { found = place + UInt64(last) + 1 }
      place += UInt64(bytes.count)
    }
    return found
  }

  /// Whether behind the flaw at `position` stands a frame that proves that what was there had been durable: one that
  /// began a later write, or one that knew the entry to be acknowledged. In a replicated log the latter proves nothing of
  /// this disk: a node that catches up writes entries together with those that know them to be committed elsewhere.
  func isFollowedByProof(isReplicated: Bool) throws(CommitLogError) -> UInt64? {
    var place = try endOfClaimedFrame() ?? position + 1
    while let candidate = try nextMagic(from: place) {
      place = candidate + 1
      guard case .success(let header) = try frame(at: candidate) else { continue }
      guard header.index > nextIndex, header.index - nextIndex <= fileEnd,
        header.baseOffset >= nextOffset
      else { continue }
      if header.startsWrite || !isReplicated && header.commitMark >= nextIndex {
        return candidate
      }
      place = candidate + UInt64(header.frameBytes)
    }
    return nil
  }

  /// Where the frame at `position` ends by its header, if that is good: what a torn body holds is a client's bytes, which
  /// may look like frames and prove nothing.
  private func endOfClaimedFrame() throws(CommitLogError) -> UInt64? {
    _ = try region.load(file, at: position, need: FrameHeader.size, want: 4096, mayBlock: true)
    let bytes = region.bytes(from: position)
    guard bytes.count >= FrameHeader.size, let base = bytes.baseAddress,
      let header = try? FrameHeader(checking: base)
    else { return nil }
    return position + UInt64(header.frameBytes)
  }

  private func nextMagic(from start: UInt64) throws(CommitLogError) -> UInt64? {
    var place = start
    while place + UInt64(FrameHeader.size) <= fileEnd {
      _ = try region.load(file, at: place, need: FrameHeader.size, want: 1 << 20, mayBlock: true)
      let bytes = region.bytes(from: place)
      guard bytes.count >= FrameHeader.size, let base = bytes.baseAddress else { return nil }
      let first = UInt8(truncatingIfNeeded: FrameHeader.magic)
      let last = bytes.count - FrameHeader.size
      var byte = 0
      while byte <= last {
        if base.load(fromByteOffset: byte, as: UInt8.self) == first,
          base.little32(byte) == FrameHeader.magic
        {
          return place + UInt64(byte)
        }
        byte += 1
      }
      place += UInt64(last + 1)
    }
    return nil
  }
}
