package import ClusterModel
package import CommitLog
package import RaftCore

/// The file `hardstate`: the term and the vote of a node, in two slots.
///
/// Each save writes and syncs one slot, then the other, so that after a save a single damaged slot does no harm, and a
/// torn write is told from damage: the other slot is the state before, which nothing was sent upon. With both slots bad
/// the node has forgotten whom it voted for and must not start as a voter (RAFT-RULES 2).
///
/// Little-endian; a slot starts at bytes 0 and 4096.
///
///     byte  size  field
///        0     4  magic "DLHS"
///        4     4  CRC-32C over bytes 8 to 64
///        8     2  format, 1
///       10     2  flags: bit 0 = a vote was given
///       12     4  reserved, 0
///       16     8  sequence: the higher one counts
///       24    16  the node's own id
///       40     8  term
///       48    16  the node voted for
package struct HardStateFile<File: DiskFile>: Sendable {
  private static var slotDistance: UInt64 { 4096 }
  private static var slotBytes: Int { 64 }
  private static var format: UInt16 { 1 }
  private static var magic: UInt32 { 0x5348_4C44 }

  private let file: File
  private let node: NodeID
  private var sequence: UInt64 = 0
  package private(set) var current = HardState()

  /// Opens `folder`/hardstate, or makes it where `isNew` says that this node never took part in anything.
  package init<D: Disk>(
    in folder: String, of node: NodeID, disk: D, isNew: Bool
  ) throws(CommitLogError) where D.File == File {
    let path = folder + "/hardstate"
    self.node = node
    // A crash may have left a new one half made.
    let isHalfMade =
      isNew && disk.exists(path) && (try? Self.isReadable(disk.open(path), node)) != true
    guard disk.exists(path), !isHalfMade else {
      guard isNew else {
        throw .corrupt(
          file: path, position: 0, offset: 0,
          what: "the file with this node's vote is missing; take the node out of the cluster and "
            + "add it again with an empty data folder")
      }
      file = try disk.create(path)
      try save(HardState())
      try disk.syncFolder(folder)
      return
    }
    file = try disk.open(path)
    try read(path)
  }

  private static func isReadable(_ file: File, _ node: NodeID) throws(CommitLogError) -> Bool {
    for slot in 0..<2 as Range<UInt64> where try read(file, slot: slot, node) != nil { return true }
    return false
  }

  private mutating func read(_ path: String) throws(CommitLogError) {
    var found: (sequence: UInt64, state: HardState)?
    for slot in 0..<2 as Range<UInt64> {
      guard let read = try Self.read(file, slot: slot, node) else { continue }
      if read.sequence >= found?.sequence ?? 0 { found = read }
    }
    guard let found else {
      throw .corrupt(
        file: path, position: 0, offset: 0,
        what:
          "both copies of this node's vote are damaged: it could vote twice in a term; take the node out of the "
          + "cluster and add it again with an empty data folder")
    }
    sequence = found.sequence
    current = found.state
  }

  /// Durable on return.
  package mutating func save(_ state: HardState) throws(CommitLogError) {
    current = state
    // The older slot first: until that is done the other one holds.
    for _ in 0..<2 {
      sequence += 1
      try file.write(encoded(), at: sequence % 2 * Self.slotDistance)
      try file.sync()
    }
  }

  private func encoded() -> [UInt8] {
    var covered = LittleEndianWriter()
    covered.add(Self.format)
    covered.add(UInt16(current.vote == nil ? 0 : 1))
    covered.add(UInt32(0))
    covered.add(sequence)
    let vote = current.vote ?? NodeID(low: 0)
    for number in [node.high, node.low, current.term, vote.high, vote.low] { covered.add(number) }
    var slot = LittleEndianWriter()
    slot.add(Self.magic)
    slot.add(CRC32C.checksum(covered.bytes))
    return slot.bytes + covered.bytes
  }

  /// nil where the slot is bad.
  private static func read(
    _ file: File, slot: UInt64, _ node: NodeID
  ) throws(CommitLogError) -> (sequence: UInt64, state: HardState)? {
    let position = slot * slotDistance
    guard try file.size() >= position + UInt64(slotBytes) else { return nil }
    let bytes = try file.readBytes(slotBytes, at: position)
    var reader = LittleEndianReader(bytes[...])
    guard reader.number(UInt32.self) == magic,
      reader.number(UInt32.self) == CRC32C.checksum(Array(bytes[8...]))
    else { return nil }
    let found: UInt16 = reader.number()
    guard found == format else {
      throw .unsupportedFormat(file: file.path, found: Int(found), supported: Int(format))
    }
    let hasVote = reader.number(UInt16.self) & 1 != 0
    _ = reader.number(UInt32.self)
    let sequence: UInt64 = reader.number()
    let owner = NodeID(high: reader.number(), low: reader.number())
    guard owner == node else {
      throw .foreign(file: file.path, expected: "\(node)", found: "\(owner)")
    }
    let term: UInt64 = reader.number()
    let vote = NodeID(high: reader.number(), low: reader.number())
    guard term < 1 << 62, sequence < 1 << 62 else { return nil }
    return (sequence, HardState(term: term, vote: hasVote ? vote : nil))
  }
}
