/// Frames being built, one behind the other in memory, then written as they are.
///
/// Owned by one thread at a time: the owner of the log's tail builds it, the disk thread writes it and gives it back.
/// Entries follow each other without a gap in index and offset.
package final class FrameBatch {
  /// Where a finished frame lies in the batch.
  struct Frame {
    var start: Int
    var length: Int
    var index: UInt64
    var baseOffset: UInt64
  }

  /// A state of the open frame to which `rollback` returns.
  package struct Mark {
    fileprivate var end: Int
    fileprivate var recordCount: UInt32
    fileprivate var maxTimestamp: UInt64
  }

  /// The bytes of the finished frames, then of the open one.
  private(set) var memory: UnsafeMutableRawPointer
  private var capacity: Int
  private var used = 0
  private(set) var finished: [Frame] = []
  private var finishedBytes = 0
  private var header = FrameHeader()
  private var isOpen = false
  /// What the last finished frame left; meaningful while there is one.
  package private(set) var last = FrameHeader()

  package init(capacity: Int = 64 << 10) {
    self.capacity = max(capacity, 256)
    memory = .allocate(byteCount: self.capacity, alignment: 16)
    finished.reserveCapacity(64)
  }

  deinit { memory.deallocate() }

  /// Finished frames.
  package var frames: Int { finished.count }
  /// Bytes of the finished frames.
  package var bytes: Int { finishedBytes }
  package var isEmpty: Bool { finished.isEmpty }
  /// Bytes of the open frame's body so far; 0 when none is open.
  package var openBodyBytes: Int { isOpen ? used - finishedBytes - FrameHeader.size : 0 }
  /// Records of the open frame so far.
  package var openRecords: Int { isOpen ? Int(header.recordCount) : 0 }
  /// The first and the last entry; nil when there is no finished frame.
  package var firstIndex: UInt64? { finished.first?.index }
  package var lastIndex: UInt64? { finished.last?.index }
  /// The offset behind the last finished frame's records; nil when there is none.
  package var nextOffset: UInt64? { isEmpty ? nil : last.nextOffset }
  /// The running maximum of record timestamps after the last finished frame; nil when there is none.
  package var maxTimestamp: UInt64? { isEmpty ? nil : last.maxTimestamp }

  /// Memory that a burst made larger than this is let go.
  private static let mostKeptBytes = 8 << 20

  /// Forgets all frames and keeps the memory, but for what a burst took.
  package func reset() {
    if capacity > Self.mostKeptBytes {
      memory.deallocate()
      capacity = 1 << 20
      memory = .allocate(byteCount: capacity, alignment: 16)
    }
    finished.removeAll(keepingCapacity: true)
    finishedBytes = 0
    used = 0
    isOpen = false
  }

  /// Opens a frame. `maxTimestampSoFar` is the running maximum before it.
  package func begin(
    kind: FrameKind, index: UInt64, term: UInt64, baseOffset: UInt64, logTime: UInt64,
    commitMark: UInt64, maxTimestampSoFar: UInt64, producerID: UInt64 = 0,
    producerEpoch: UInt32 = 0, baseSequence: UInt64 = 0
  ) {
    precondition(!isOpen, "a frame is open already")
    if !finished.isEmpty {
      precondition(index == last.index + 1, "entry \(index) after \(last.index)")
      precondition(baseOffset == last.nextOffset, "offset \(baseOffset), not \(last.nextOffset)")
    }
    header = FrameHeader()
    header.kind = kind
    header.index = index
    header.term = term
    header.baseOffset = baseOffset
    header.logTime = logTime
    header.commitMark = commitMark
    header.maxTimestamp = maxTimestampSoFar
    header.producerID = producerID
    header.producerEpoch = producerEpoch
    header.baseSequence = baseSequence
    isOpen = true
    reserve(FrameHeader.size)
    used += FrameHeader.size
  }

  /// Adds a record to the open frame; its offset is the next one.
  @inline(__always)
  package func append(_ fields: RecordFields) {
    reserve(
      fields.value.count + fields.key.count + fields.headers.count + RecordFormat.maxOverhead)
    let timestamp = fields.timestamp == 0 ? header.logTime : fields.timestamp
    let offset = header.baseOffset + UInt64(header.recordCount)
    let behind = RecordFormat.write(
      fields, offset: offset, term: header.term, timestamp: timestamp, to: memory + used)
    used = behind - memory
    header.recordCount += 1
    if timestamp > header.maxTimestamp { header.maxTimestamp = timestamp }
  }

  /// Adds bytes to the open frame of a kind that holds no records.
  package func appendBody(_ bytes: UnsafeRawBufferPointer) {
    precondition(header.kind != .data, "a data frame holds records only")
    guard let base = bytes.baseAddress, bytes.count > 0 else { return }
    reserve(bytes.count)
    (memory + used).copyMemory(from: base, byteCount: bytes.count)
    used += bytes.count
  }

  /// Adds a frame as it is stored elsewhere, header and body, both checked.
  func appendStored(_ stored: FrameHeader, _ bytes: UnsafeRawBufferPointer) {
    precondition(!isOpen, "a frame is open")
    precondition(bytes.count == stored.frameBytes, "\(bytes.count) bytes, not \(stored.frameBytes)")
    guard let base = bytes.baseAddress else { return }
    reserve(bytes.count)
    (memory + used).copyMemory(from: base, byteCount: bytes.count)
    finished.append(
      Frame(
        start: used, length: bytes.count, index: stored.index, baseOffset: stored.baseOffset))
    used += bytes.count
    finishedBytes = used
    last = stored
  }

  /// The header of the finished frame number `place`.
  package func header(_ place: Int) -> FrameHeader {
    FrameHeader(verified: memory + finished[place].start)
  }

  /// Where the open frame is now.
  package func mark() -> Mark {
    Mark(end: used, recordCount: header.recordCount, maxTimestamp: header.maxTimestamp)
  }

  /// Takes back the records added since `mark`.
  package func rollback(to mark: Mark) {
    precondition(isOpen, "no frame is open")
    used = mark.end
    header.recordCount = mark.recordCount
    header.maxTimestamp = mark.maxTimestamp
  }

  /// Finishes the open frame: lengths and checksums. A data frame without a record is dropped. Whether it was kept.
  @discardableResult
  package func end() -> Bool {
    precondition(isOpen, "no frame is open")
    isOpen = false
    guard header.kind != .data || header.recordCount > 0 else {
      used = finishedBytes
      return false
    }
    let bodyLength = used - finishedBytes - FrameHeader.size
    precondition(bodyLength <= FrameHeader.maxBodyBytes, "a body of \(bodyLength) bytes")
    let frame = memory + finishedBytes
    header.bodyLength = UInt32(bodyLength)
    header.bodyChecksum = CRC32C.checksum(
      UnsafeRawBufferPointer(start: frame + FrameHeader.size, count: bodyLength))
    header.write(to: frame)
    finished.append(
      Frame(
        start: finishedBytes, length: used - finishedBytes, index: header.index,
        baseOffset: header.baseOffset))
    finishedBytes = used
    last = header
    return true
  }

  @inline(__always)
  private func reserve(_ count: Int) {
    if used + count > capacity { grow(count) }
  }

  @inline(never)
  private func grow(_ count: Int) {
    capacity = max(capacity * 2, used + count)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    larger.copyMemory(from: memory, byteCount: used)
    memory.deallocate()
    memory = larger
  }
}
