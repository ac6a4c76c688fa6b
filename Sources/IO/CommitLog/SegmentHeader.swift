/// Offsets, indexes, terms and sequence numbers count from 0 in steps of what was written: no log gets here, and sums with
/// numbers below it do not overflow. A larger one in a file is damage, whatever its checksum says.
enum CountLimit {
  static let end: UInt64 = 1 << 62
}

/// The first 64 bytes of a store.
///
/// Little-endian; ids as a UUID is written.
///
///     byte  size  field
///        0     2  magic "DL"
///        2     2  format, 1
///        4     4  CRC-32C over bytes 0 to 4 and 8 to 64
///        8    16  cluster id, of when it was written: `distlogd recover` gives the folder another
///       24    16  log instance id
///       40     8  base offset: of the first record that may stand here
///       48     8  first Raft index that may stand here
///       56     8  term of the entry before, 0 = none
struct SegmentHeader: Equatable, Sendable {
  static let size = 64
  private static let magic: UInt16 = 0x4C44
  static let format: UInt16 = 1

  var clusterID: UniqueID
  var logInstanceID: UniqueID
  var baseOffset: UInt64
  var firstIndex: UInt64
  var termBefore: UInt64

  var encoded: [UInt8] {
    var start = LittleEndianWriter()
    start.add(SegmentHeader.magic)
    start.add(SegmentHeader.format)
    var rest = LittleEndianWriter()
    rest.add(clusterID)
    rest.add(logInstanceID)
    rest.add(baseOffset)
    rest.add(firstIndex)
    rest.add(termBefore)
    let sum = CRC32C.checksum(start.bytes + rest.bytes)
    start.add(sum)
    return start.bytes + rest.bytes
  }

  /// Reads the 64 bytes of `file`, which must be of the log `identity` where that is known.
  init(
    checking bytes: [UInt8], file: String, identity: LogIdentity?
  ) throws(CommitLogError) {
    func damaged(_ what: String) -> CommitLogError {
      .corrupt(file: file, position: 0, offset: 0, what: what)
    }
    guard bytes.count == SegmentHeader.size else {
      throw damaged("the segment header is cut off")
    }
    var reader = LittleEndianReader(bytes[...])
    guard reader.number(UInt16.self) == SegmentHeader.magic else {
      throw damaged("no segment header starts here")
    }
    let format = reader.number(UInt16.self)
    let sum = reader.number(UInt32.self)
    guard CRC32C.checksum(Array(bytes[..<4] + bytes[8...])) == sum else {
      throw damaged("the checksum of the segment header is wrong")
    }
    guard format == SegmentHeader.format else {
      throw .unsupportedFormat(
        file: file, found: Int(format), supported: Int(SegmentHeader.format))
    }
    clusterID = reader.id()
    logInstanceID = reader.id()
    if let identity {
      // Not the cluster's: a log keeps its id when the cluster gets another.
      guard logInstanceID == identity.logInstanceID else {
        throw .foreign(
          file: file, expected: "\(identity.logInstanceID)", found: "\(logInstanceID)")
      }
    }
    baseOffset = reader.number()
    firstIndex = reader.number()
    termBefore = reader.number()
    guard firstIndex >= 1, max(baseOffset, firstIndex, termBefore) < CountLimit.end else {
      throw damaged("it starts at offset \(baseOffset), index \(firstIndex), term \(termBefore)")
    }
  }

  init(identity: LogIdentity, baseOffset: UInt64, firstIndex: UInt64, termBefore: UInt64) {
    clusterID = identity.clusterID
    logInstanceID = identity.logInstanceID
    self.baseOffset = baseOffset
    self.firstIndex = firstIndex
    self.termBefore = termBefore
  }
}

extension SegmentHeader {
  /// The ids in the first store of `folder` that can be read, with cluster and storage as the file `formation` has them, or
  /// a new storage; nil where none can.
  static func ids<D: Disk>(_ disk: D, in folder: String) throws(CommitLogError) -> LogIdentity? {
    for name in try disk.names(in: folder) where name.hasSuffix(".store") {
      let path = folder + "/" + name
      let file = try disk.open(path)
      let count = Int(min(try file.size(), UInt64(size)))
      let bytes = try file.readBytes(count, at: 0)
      if let header = try? SegmentHeader(checking: bytes, file: path, identity: nil) {
        let formation = folder + "/../../formation"
        return LogIdentity(
          clusterID: try agreedID("cluster", disk, formation) ?? header.clusterID,
          storageID: try agreedID("storage", disk, formation) ?? .random(),
          logInstanceID: header.logInstanceID)
      }
    }
    return nil
  }

  /// An id that the file `formation` of a cluster's member tells in a line of its own.
  private static func agreedID<D: Disk>(
    _ name: String, _ disk: D, _ path: String
  ) throws(CommitLogError) -> UniqueID? {
    guard disk.exists(path) else { return nil }
    let file = try disk.open(path)
    let text = String(
      decoding: try file.readBytes(Int(min(try file.size(), 64 << 10)), at: 0), as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
    return line.flatMap { UniqueID(String($0.dropFirst(name.count + 1))) }
  }
}
