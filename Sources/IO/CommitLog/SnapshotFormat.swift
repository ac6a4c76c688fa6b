/// The one stream in which a log leaves its folder: for a backup, and for whoever lags behind the log's start.
///
/// Little-endian; ids as a UUID is written. A header, chunks in order, and a last chunk that is empty, whose payload is
/// the trailer. Every byte is covered by a checksum, and a chunk's covers its place in the stream.
///
///     header, 128 bytes
///     byte  size  field
///        0     4  magic "DLIM"
///        4     4  CRC-32C over bytes 8 to 128
///        8     2  format, 1
///       10     6  reserved, 0
///       16    16  cluster id
///       32    16  log instance id
///       48     8  base offset: of the first frame's first record
///       56     8  first Raft index
///       64     8  term of the entry before, 0 = none
///       72     8  start offset: the lowest that is served; inside the first frame or before it
///       80     8  next offset, behind the last frame
///       88     8  next Raft index, behind the last frame
///       96     8  term of the last entry
///      104     8  log time of the last entry, ns since 1970
///      112     8  max record timestamp up to the last entry, ns since 1970
///      120     8  reserved, 0
///
///     chunk: 16 bytes and the payload
///        0     4  payload length; 0 = the last chunk
///        4     4  CRC-32C over length, sequence number and payload
///        8     8  sequence number, from 0
///
///     trailer, behind the last chunk's 16 bytes and covered by its checksum
///        0     8  bytes of all payloads
///        8     8  frames
///
/// The payloads, put together, are whole frames as they stand in the stores (`FrameHeader`).
struct SnapshotHeader: Equatable, Sendable {
  static let size = 128
  static let format: UInt16 = 1
  private static let magic: UInt32 = 0x4D49_4C44
  static let chunkHeaderBytes = 16
  static let trailerBytes = 16
  /// Of one payload: what a reader must be ready to hold at once.
  static let maxChunkBytes = 1 << 20

  var clusterID: UniqueID
  var logInstanceID: UniqueID
  var baseOffset: UInt64
  var firstIndex: UInt64
  var termBefore: UInt64
  var startOffset: UInt64
  var nextOffset: UInt64
  var nextIndex: UInt64
  var lastTerm: UInt64
  var lastLogTime: UInt64
  var maxTimestamp: UInt64

  var encoded: [UInt8] {
    var covered = LittleEndianWriter()
    covered.add(SnapshotHeader.format)
    covered.bytes += [UInt8](repeating: 0, count: 6)
    covered.add(clusterID)
    covered.add(logInstanceID)
    for number in [
      baseOffset, firstIndex, termBefore, startOffset, nextOffset, nextIndex, lastTerm,
      lastLogTime, maxTimestamp, 0,
    ] { covered.add(number) }
    var start = LittleEndianWriter()
    start.add(SnapshotHeader.magic)
    start.add(CRC32C.checksum(covered.bytes))
    return start.bytes + covered.bytes
  }

  /// Reads the header of the image `file`.
  init(checking bytes: [UInt8], file: String) throws(CommitLogError) {
    func damaged(_ what: String) -> CommitLogError {
      .corrupt(file: file, position: 0, offset: 0, what: what)
    }
    guard bytes.count == SnapshotHeader.size else {
      throw damaged("it ends within the header of an image")
    }
    var reader = LittleEndianReader(bytes[...])
    guard reader.number(UInt32.self) == SnapshotHeader.magic else {
      throw damaged("it is not the image of a log")
    }
    let sum: UInt32 = reader.number()
    guard CRC32C.checksum(Array(bytes[8...])) == sum else {
      throw damaged("the checksum of the header is wrong")
    }
    let format: UInt16 = reader.number()
    guard format == SnapshotHeader.format else {
      throw .unsupportedFormat(
        file: file, found: Int(format), supported: Int(SnapshotHeader.format))
    }
    _ = reader.number(UInt32.self)
    _ = reader.number(UInt16.self)
    clusterID = reader.id()
    logInstanceID = reader.id()
    baseOffset = reader.number()
    firstIndex = reader.number()
    termBefore = reader.number()
    startOffset = reader.number()
    nextOffset = reader.number()
    nextIndex = reader.number()
    lastTerm = reader.number()
    lastLogTime = reader.number()
    maxTimestamp = reader.number()
    guard firstIndex >= 1, firstIndex <= nextIndex, baseOffset <= startOffset,
      startOffset <= nextOffset,
      max(max(nextIndex, nextOffset), max(termBefore, lastTerm)) < CountLimit.end
    else { throw damaged("the header contradicts itself") }
  }

  init(_ identity: LogIdentity, tail: LogTail, startOffset: UInt64) {
    clusterID = identity.clusterID
    logInstanceID = identity.logInstanceID
    baseOffset = tail.nextOffset
    firstIndex = tail.nextIndex
    termBefore = tail.lastTerm
    self.startOffset = startOffset
    nextOffset = tail.nextOffset
    nextIndex = tail.nextIndex
    lastTerm = tail.lastTerm
    lastLogTime = tail.lastLogTime
    maxTimestamp = tail.maxTimestamp
  }

  /// The 16 bytes before `payload`. In the last chunk `length` is 0, and the payload the trailer.
  static func chunkHeader(
    length: Int, sequence: UInt64, payload: UnsafeRawBufferPointer
  ) -> [UInt8] {
    var header = LittleEndianWriter()
    header.add(UInt32(length))
    header.add(checksum(length: UInt32(length), sequence: sequence, payload))
    header.add(sequence)
    return header.bytes
  }

  static func checksum(
    length: UInt32, sequence: UInt64, _ payload: UnsafeRawBufferPointer
  ) -> UInt32 {
    var numbers = LittleEndianWriter()
    numbers.add(length)
    numbers.add(sequence)
    return CRC32C.checksum(payload, continuing: CRC32C.checksum(numbers.bytes))
  }
}

/// What an image holds.
public struct SnapshotSummary: Sendable, Equatable {
  /// The records in it.
  public var offsets: Range<UInt64>
  /// Batches and control entries, each a frame.
  public var frames: UInt64
  /// Bytes of the stream.
  public var bytes: UInt64
  /// The cluster that the image was taken in, as a UUID.
  public var clusterID: String
}
