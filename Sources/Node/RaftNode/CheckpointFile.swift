import ClusterModel
import CommitLog
import Protobuf
import RaftAPI

/// A file that keeps what follows from the entries up to one of them. Replaced as a whole.
///
///     byte  size  field
///        0     4  magic "DLCP"
///        4     4  CRC-32C over the rest
///        8     4  format, 1
///       12     4  length of the body
///       16        a raft.v1.Checkpoint
struct CheckpointFile<D: Disk> {
  private static var magic: UInt32 { 0x5043_4C44 }
  private static var format: UInt32 { 1 }
  private static var headerBytes: Int { 16 }

  private let folder: String
  private let path: String
  private let disk: D

  init(_ name: String, in folder: String, disk: D) {
    self.folder = folder
    self.disk = disk
    path = folder + "/" + name
  }

  /// nil where there is no such file.
  func read() throws(CommitLogError) -> ReplicatedState? {
    guard disk.exists(path) else { return nil }
    let file = try disk.open(path)
    let size = Int(try file.size())
    guard size >= Self.headerBytes else { throw damaged("it has \(size) bytes") }
    let bytes = try file.readBytes(size, at: 0)
    var reader = LittleEndianReader(bytes[...])
    guard reader.number(UInt32.self) == Self.magic,
      reader.number(UInt32.self) == CRC32C.checksum(Array(bytes[8...]))
    else { throw damaged("the checksum is wrong") }
    let format: UInt32 = reader.number()
    guard format == Self.format else {
      throw .unsupportedFormat(file: path, found: Int(format), supported: Int(Self.format))
    }
    guard Int(reader.number(UInt32.self)) == size - Self.headerBytes else {
      throw damaged("its length is wrong")
    }
    do {
      return ReplicatedState(try Checkpoint(serialized: Array(bytes[Self.headerBytes...])))
    } catch {
      throw damaged("it cannot be read: \(error)")
    }
  }

  /// Durable on return.
  func write(_ state: ReplicatedState) throws(CommitLogError) {
    let body = state.checkpoint.serialized()
    var covered = LittleEndianWriter()
    covered.add(Self.format)
    covered.add(UInt32(body.count))
    var header = LittleEndianWriter()
    header.add(Self.magic)
    let rest = covered.bytes + body
    header.add(CRC32C.checksum(rest))
    let new = path + ".new"
    let file = try disk.create(new)
    try file.write(header.bytes + rest, at: 0)
    try file.sync()
    try disk.rename(new, to: path)
    try disk.syncFolder(folder)
  }

  private func damaged(_ what: String) -> CommitLogError {
    .corrupt(file: path, position: 0, offset: 0, what: what)
  }
}

extension ReplicatedState {
  init(_ checkpoint: Checkpoint) {
    var tail = LogTail()
    tail.nextIndex = checkpoint.index + 1
    tail.lastTerm = checkpoint.term
    tail.nextOffset = checkpoint.nextOffset
    tail.lastLogTime = checkpoint.logTime
    tail.maxTimestamp = checkpoint.maxTimestamp
    self.init(tail: tail, members: checkpoint.members)
    producers = ProducerTable(checkpoint.producers)
    start = checkpoint.start ?? LogStart()
    settings = checkpoint.settings ?? LogSettings()
  }

  var checkpoint: Checkpoint {
    var checkpoint = Checkpoint()
    checkpoint.index = tail.nextIndex - 1
    checkpoint.term = tail.lastTerm
    checkpoint.nextOffset = tail.nextOffset
    checkpoint.logTime = tail.lastLogTime
    checkpoint.maxTimestamp = tail.maxTimestamp
    checkpoint.members = members
    checkpoint.producers = producers.states
    checkpoint.start = start
    checkpoint.settings = settings
    return checkpoint
  }
}
