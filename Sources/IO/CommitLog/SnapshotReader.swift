/// Reads an image front to back and checks every byte of it; gives whole frames. Memory: the largest frame and one chunk.
struct SnapshotReader {
  /// Fills the buffer's front: the bytes read, 0 at the end.
  typealias Source = (UnsafeMutableRawBufferPointer) throws -> Int

  let file: String
  let header: SnapshotHeader
  /// Bytes read so far.
  private(set) var position: UInt64 = 0
  private(set) var frames: UInt64 = 0
  /// Where the log stands behind the frames so far.
  private(set) var tail: LogTail
  private var sequence: UInt64 = 0
  private var payloadBytes: UInt64 = 0
  private var pending: [UInt8] = []
  private var isDone = false

  /// - Parameters:
  ///   - file: what the image is called in errors.
  init(_ file: String, _ source: Source) throws {
    self.file = file
    let bytes = try SnapshotReader.bytes(SnapshotHeader.size, source)
    header = try SnapshotHeader(checking: bytes, file: file)
    position = UInt64(bytes.count)
    tail = LogTail()
    tail.nextOffset = header.baseOffset
    tail.nextIndex = header.firstIndex
    tail.lastTerm = header.termBefore
  }

  /// The rest of the image, frame by frame; returns when its end was seen and was right.
  mutating func run(
    _ source: Source, _ frame: (FrameHeader, UnsafeRawBufferPointer) throws -> Void
  ) throws -> SnapshotSummary {
    while try readChunk(source) { try takeFrames(frame) }
    try checkEnd(source)
    return SnapshotSummary(
      offsets: header.startOffset..<header.nextOffset, frames: frames, bytes: position,
      clusterID: "\(header.clusterID)")
  }

  private func damaged(_ what: String) -> CommitLogError {
    .corrupt(file: file, position: position, offset: tail.nextOffset, what: what)
  }

  /// As many bytes as there are, at most `count`.
  private static func bytes(_ count: Int, _ source: Source) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    try bytes.withUnsafeMutableBytes { buffer in
      while filled < count {
        let got = try source(UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
        guard got > 0 else { return }
        precondition(got <= count - filled, "a source gave \(got) bytes for \(count - filled)")
        filled += got
      }
    }
    return Array(bytes.prefix(filled))
  }

  /// Reads one chunk into `pending`; false behind the last.
  private mutating func readChunk(_ source: Source) throws -> Bool {
    let head = try SnapshotReader.bytes(SnapshotHeader.chunkHeaderBytes, source)
    guard head.count == SnapshotHeader.chunkHeaderBytes else {
      throw damaged("the image ends too early")
    }
    var reader = LittleEndianReader(head[...])
    let length: UInt32 = reader.number()
    let sum: UInt32 = reader.number()
    let number: UInt64 = reader.number()
    guard length <= UInt32(SnapshotHeader.maxChunkBytes) else {
      throw damaged("a chunk claims \(length) bytes")
    }
    let count = length == 0 ? SnapshotHeader.trailerBytes : Int(length)
    let payload = try SnapshotReader.bytes(count, source)
    guard payload.count == count else { throw damaged("the image ends too early") }
    let found = payload.withUnsafeBytes {
      SnapshotHeader.checksum(length: length, sequence: number, $0)
    }
    guard found == sum else { throw damaged("the checksum of a chunk is wrong") }
    guard number == sequence else {
      throw damaged("chunk \(number) stands where \(sequence) should")
    }
    position += UInt64(head.count + count)
    sequence += 1
    if length == 0 {
      try checkTrailer(payload)
      return false
    }
    payloadBytes += UInt64(count)
    pending += payload
    return true
  }

  private mutating func takeFrames(
    _ frame: (FrameHeader, UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var used = 0
    try pending.withUnsafeBytes { bytes in
      while bytes.count - used >= FrameHeader.size, let base = bytes.baseAddress {
        let header: FrameHeader
        do throws(FrameHeader.Flaw) {
          header = try FrameHeader(checking: base + used)
        } catch {
          throw damaged(error.text)
        }
        guard bytes.count - used >= header.frameBytes else { return }
        let whole = UnsafeRawBufferPointer(rebasing: bytes[used..<used + header.frameBytes])
        try check(header, whole)
        try frame(header, whole)
        tail.advance(past: header)
        frames += 1
        used += header.frameBytes
      }
    }
    if used > 0 { pending.removeFirst(used) }
  }

  private func check(_ header: FrameHeader, _ whole: UnsafeRawBufferPointer) throws {
    let body = UnsafeRawBufferPointer(rebasing: whole[FrameHeader.size...])
    guard CRC32C.checksum(body) == header.bodyChecksum else {
      throw damaged("the checksum of a frame's body is wrong")
    }
    guard header.index == tail.nextIndex, header.baseOffset == tail.nextOffset,
      header.term >= tail.lastTerm
    else {
      throw damaged(
        "entry \(header.index) at offset \(header.baseOffset) follows entry \(tail.nextIndex - 1)"
          + " before offset \(tail.nextOffset)")
    }
    // A right checksum says that the bytes are those that were written, not that a log wrote them.
    if let flaw = RecordFormat.flaw(of: header, body) { throw damaged(flaw) }
  }

  private func checkTrailer(_ payload: [UInt8]) throws {
    var reader = LittleEndianReader(payload[...])
    let bytes: UInt64 = reader.number()
    let count: UInt64 = reader.number()
    guard bytes == payloadBytes, count == frames, pending.isEmpty else {
      throw damaged(
        "\(bytes) bytes in \(count) frames are announced, not \(payloadBytes) in \(frames)")
    }
    guard tail.nextIndex == header.nextIndex, tail.nextOffset == header.nextOffset,
      frames == 0 || tail.maxTimestamp == header.maxTimestamp && tail.lastTerm == header.lastTerm
    else { throw damaged("the frames do not end where the header says") }
  }

  private func checkEnd(_ source: Source) throws {
    guard try SnapshotReader.bytes(1, source).isEmpty else {
      throw damaged("something stands behind the end of the image")
    }
  }
}
