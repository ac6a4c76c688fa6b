/// Streams a log as it is when this begins, while appends, rolls and retention go on: the segments read stay open, even
/// deleted ones. Memory: one region of 1 MiB, or one frame where that is larger.
struct SnapshotWriter<D: Disk> {
  private let engine: LogEngine<D>
  private let view: LogView<D.File>
  private let header: SnapshotHeader
  /// Where the first frame stands.
  private let firstSegment: Int
  private let firstPosition: UInt64
  private let region = ReadRegion(capacity: SnapshotHeader.maxChunkBytes)
  /// Of one piece, but for a frame that is larger.
  var pieceBytes = SnapshotHeader.maxChunkBytes

  private enum Phase { case header, frames, over }

  private var phase = Phase.header
  private var segment: Int
  private var position: UInt64
  private var sequence: UInt64 = 0
  private var payloadBytes: UInt64 = 0
  private var frames: UInt64 = 0

  init(_ engine: LogEngine<D>) throws(CommitLogError) {
    self.engine = engine
    let view = engine.currentView
    if view.isClosed { throw .closed }
    self.view = view
    var header = SnapshotHeader(engine.identity, tail: view.tail, startOffset: view.startOffset)
    header.startOffset = min(view.startOffset, view.tail.nextOffset)
    guard !view.offsets.isEmpty else {
      self.header = header
      firstSegment = view.segments.count
      firstPosition = 0
      segment = firstSegment
      position = 0
      return
    }
    firstSegment = view.segment(ofOffset: view.startOffset)
    let segment = view.segments[firstSegment]
    let place = try segment.frame(holding: view.startOffset)
    firstPosition = place.position
    header.baseOffset = place.header.baseOffset
    header.firstIndex = place.header.index
    header.termBefore =
      place.header.index == segment.firstIndex
      ? segment.header.termBefore
      : try segment.frame(at: Int(place.header.index - segment.firstIndex) - 1).header.term
    self.header = header
    self.segment = firstSegment
    position = firstPosition
  }

  /// The whole image in order, piece by piece; nil behind the last.
  mutating func next() throws(CommitLogError) -> [UInt8]? {
    switch phase {
    case .header:
      phase = .frames
      return header.encoded
    case .frames:
      if let piece = try nextFrame() { return piece }
      guard header.firstIndex + frames == header.nextIndex else { throw .changedUnderSnapshot }
      phase = .over
      return trailer()
    case .over: return nil
    }
  }

  /// Of the frames, without what is around them: an estimate of the whole before it is read.
  var frameBytes: UInt64 {
    guard firstSegment < view.segments.count else { return 0 }
    return view.segments[firstSegment...].reduce(0) { $0 + $1.end } - firstPosition
  }

  var summary: SnapshotSummary {
    let bytes =
      UInt64(SnapshotHeader.size) + payloadBytes + UInt64(SnapshotHeader.trailerBytes)
      + (sequence + 1) * UInt64(SnapshotHeader.chunkHeaderBytes)
    return SnapshotSummary(
      offsets: header.startOffset..<header.nextOffset, frames: frames, bytes: bytes,
      clusterID: "\(header.clusterID)")
  }

  /// Frames from where this stands, each checked, as chunks of up to 1 MiB together; nil behind the last.
  private mutating func nextFrame() throws(CommitLogError) -> [UInt8]? {
    var pieces: [UInt8] = []
    while header.firstIndex + frames < header.nextIndex, pieces.count < pieceBytes {
      guard segment < view.segments.count else { throw .changedUnderSnapshot }
      let from = view.segments[segment]
      guard position < from.end else {
        segment += 1
        position = UInt64(SegmentHeader.size)
        region.forget()
        continue
      }
      let frame = try checkedFrame(from, at: position, end: from.end)
      let bytes = region.bytes(from: position)
      if !pieces.isEmpty, pieces.count + frame.frameBytes > pieceBytes { break }
      try checkUncut()
      var part = 0
      while part < frame.frameBytes {
        let count = min(frame.frameBytes - part, SnapshotHeader.maxChunkBytes)
        addChunk(UnsafeRawBufferPointer(rebasing: bytes[part..<part + count]), to: &pieces)
        part += count
      }
      position += UInt64(frame.frameBytes)
      frames += 1
    }
    return pieces.isEmpty ? nil : pieces
  }

  private func checkedFrame(
    _ segment: Segment<D.File>, at position: UInt64, end: UInt64
  ) throws(CommitLogError) -> FrameHeader {
    func damaged(_ what: String) -> CommitLogError {
      .corrupt(
        file: segment.store.path, position: position, offset: segment.baseOffset, what: what)
    }
    let want = SnapshotHeader.maxChunkBytes
    _ = try region.load(
      segment.store, at: position, need: FrameHeader.size, want: want, limit: end, mayBlock: true)
    guard region.bytes(from: position).count >= FrameHeader.size,
      let base = region.bytes(from: position).baseAddress
    else { throw damaged("the frame header is cut off") }
    let header: FrameHeader
    do throws(FrameHeader.Flaw) {
      header = try FrameHeader(checking: base)
    } catch {
      throw damaged(error.text)
    }
    guard UInt64(header.frameBytes) <= end - position else {
      throw damaged("the frame body is cut off")
    }
    _ = try region.load(
      segment.store, at: position, need: header.frameBytes, want: want, limit: end, mayBlock: true)
    let bytes = region.bytes(from: position)
    guard bytes.count >= header.frameBytes else { throw damaged("the frame body is cut off") }
    let body = UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.size..<header.frameBytes])
    guard CRC32C.checksum(body) == header.bodyChecksum else {
      throw damaged("the checksum of the frame body is wrong")
    }
    guard header.index == self.header.firstIndex + frames else {
      throw damaged("entry \(header.index) stands here")
    }
    return header
  }

  /// A truncateSuffix in the meantime took away what this promised.
  private func checkUncut() throws(CommitLogError) {
    guard engine.currentView.epoch == view.epoch else { throw .changedUnderSnapshot }
  }

  private mutating func addChunk(_ payload: UnsafeRawBufferPointer, to pieces: inout [UInt8]) {
    pieces += SnapshotHeader.chunkHeader(
      length: payload.count, sequence: sequence, payload: payload)
    pieces += payload
    sequence += 1
    payloadBytes += UInt64(payload.count)
  }

  private func trailer() -> [UInt8] {
    var trailer = LittleEndianWriter()
    trailer.add(payloadBytes)
    trailer.add(frames)
    return trailer.bytes.withUnsafeBytes { payload in
      SnapshotHeader.chunkHeader(length: 0, sequence: sequence, payload: payload) + payload
    }
  }
}

extension CommitLog {
  /// Streams the log as it is now into `sink`, in pieces of up to 1 MiB, while appends and reads go on.
  ///
  /// The stream is checksummed throughout; `restore` reads it. Throws what `sink` throws, `corrupt` where the log is damaged,
  /// and `changedUnderSnapshot` when `truncateSuffix` removed records that were still to come.
  @discardableResult
  public func snapshot(
    _ sink: (_ piece: UnsafeRawBufferPointer) throws -> Void
  ) throws -> SnapshotSummary {
    try engine.snapshot(sink)
  }

  /// The same, pulled piece by piece, from one thread at a time.
  package func snapshotStream() throws(CommitLogError) -> SnapshotStream {
    SnapshotStream(try SnapshotWriter(engine))
  }
}

extension LogEngine {
  /// See `CommitLog.snapshot`.
  package func snapshot(
    _ sink: (_ piece: UnsafeRawBufferPointer) throws -> Void
  ) throws -> SnapshotSummary {
    var writer = try SnapshotWriter(self)
    while let piece = try writer.next() { try piece.withUnsafeBytes(sink) }
    return writer.summary
  }
}

/// An image of a log on its way out.
package final class SnapshotStream: @unchecked Sendable {
  // Sendable: its owner hands it from thread to thread with its pieces.
  private var writer: SnapshotWriter<LinuxDisk>

  init(_ writer: SnapshotWriter<LinuxDisk>) { self.writer = writer }

  /// About as many bytes as the whole image has.
  package var estimatedBytes: UInt64 { writer.frameBytes }

  /// At most 1 MiB and a little, but for the chunks of a frame that is larger; nil behind the last.
  package func next() throws(CommitLogError) -> [UInt8]? { try writer.next() }
}
