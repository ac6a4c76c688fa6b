/// Streams a log as it is when this begins, while appends, rolls and retention go on: the segments read stay open, even
/// deleted ones. Memory: one region of 1 MiB, or one frame where that is larger.
struct SnapshotWriter<D: Disk> {
  typealias Sink = (UnsafeRawBufferPointer) throws -> Void

  private let engine: LogEngine<D>
  private let view: LogView<D.File>
  private let header: SnapshotHeader
  /// Where the first frame stands.
  private let firstSegment: Int
  private let firstPosition: UInt64
  private let region = ReadRegion(capacity: SnapshotHeader.maxChunkBytes)
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
  }

  /// Gives the whole image to `sink`, piece by piece. What `sink` throws ends it.
  mutating func run(_ sink: Sink) throws -> SnapshotSummary {
    try header.encoded.withUnsafeBytes(sink)
    for number in firstSegment..<max(firstSegment, view.segments.count) {
      let start = number == firstSegment ? firstPosition : UInt64(SegmentHeader.size)
      try copy(view.segments[number], from: start, sink)
    }
    guard header.firstIndex + frames == header.nextIndex else {
      throw CommitLogError.changedUnderSnapshot
    }
    try writeTrailer(sink)
    let bytes =
      UInt64(SnapshotHeader.size) + payloadBytes + UInt64(SnapshotHeader.trailerBytes)
      + (sequence + 1) * UInt64(SnapshotHeader.chunkHeaderBytes)
    return SnapshotSummary(
      offsets: header.startOffset..<header.nextOffset, frames: frames, bytes: bytes,
      clusterID: "\(header.clusterID)")
  }

  /// The frames of one segment from `start` on, each checked, up to the log's end of then.
  private mutating func copy(
    _ segment: Segment<D.File>, from start: UInt64, _ sink: Sink
  ) throws {
    var position = start
    let end = segment.end
    region.forget()
    while position < end, header.firstIndex + frames < header.nextIndex {
      let frame = try checkedFrame(segment, at: position, end: end)
      let bytes = region.bytes(from: position)
      try checkUncut()
      var part = 0
      while part < frame.frameBytes {
        let count = min(frame.frameBytes - part, SnapshotHeader.maxChunkBytes)
        try writeChunk(UnsafeRawBufferPointer(rebasing: bytes[part..<part + count]), sink)
        part += count
      }
      position += UInt64(frame.frameBytes)
      frames += 1
    }
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

  private mutating func writeChunk(_ payload: UnsafeRawBufferPointer, _ sink: Sink) throws {
    let start = SnapshotHeader.chunkHeader(
      length: payload.count, sequence: sequence, payload: payload)
    try start.withUnsafeBytes(sink)
    try sink(payload)
    sequence += 1
    payloadBytes += UInt64(payload.count)
  }

  private func writeTrailer(_ sink: Sink) throws {
    var trailer = LittleEndianWriter()
    trailer.add(payloadBytes)
    trailer.add(frames)
    try trailer.bytes.withUnsafeBytes { payload in
      let start = SnapshotHeader.chunkHeader(length: 0, sequence: sequence, payload: payload)
      try start.withUnsafeBytes(sink)
      try sink(payload)
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
    var writer = try SnapshotWriter(engine)
    return try writer.run(sink)
  }
}
