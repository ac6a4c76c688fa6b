/// What a log remembers beside its segments.
struct LogMeta: Equatable, Sendable {
  /// Whether the log was closed; then everything here is exact.
  var isClean = false
  /// The lowest offset that is served.
  var startOffset: UInt64 = 0
  /// First index of the first segment: earlier ones are on their way out.
  var firstIndex: UInt64 = 1
  /// The highest index known to be acknowledged: damage up to it is never a torn write.
  var commitMark: UInt64 = 0
  var nextOffset: UInt64 = 0
  var nextIndex: UInt64 = 1
  var lastTerm: UInt64 = 0
  var lastLogTime: UInt64 = 0
  var maxTimestamp: UInt64 = 0
  /// First index of the last segment and the bytes of its store.
  var lastSegment: UInt64 = 1
  var storeEnd: UInt64 = 0
  /// A torn write was cut that may have been acknowledged: see `LogEngine.hasUncertainTail`.
  var isTailUncertain = false
}

/// The file `meta`: two slots, written in turn, so that a torn write leaves the other.
///
/// Little-endian; a slot starts at bytes 0 and 4096.
///
///     byte  size  field
///        0     4  magic "DLMT"
///        4     4  CRC-32C over bytes 8 to 120
///        8     2  format, 1
///       10     2  flags: bit 0 = closed properly, bit 1 = the tail is uncertain
///       12     4  reserved, 0
///       16     8  sequence: the higher one counts
///       24    16  log instance id
///       40    80  the numbers of LogMeta, 8 bytes each, in its order
struct MetaFile<File: DiskFile>: Sendable {
  static var slotDistance: UInt64 { 4096 }
  static var slotBytes: Int { 120 }
  static var format: UInt16 { 1 }
  private static var magic: UInt32 { 0x544D_4C44 }

  let file: File
  private let logInstanceID: UniqueID
  private var sequence: UInt64 = 0
  private(set) var current = LogMeta()
  /// The slot that holds `current`.
  private var slot: UInt64 = 0
  /// It was written and may not be on the disk yet.
  private var isSlotUnsynced = false

  /// A new file with `meta` in both slots.
  init(creating file: File, logInstanceID: UniqueID, _ meta: LogMeta) throws(CommitLogError) {
    self.file = file
    self.logInstanceID = logInstanceID
    try writeDurably(meta)
  }

  /// Reads the newer good slot; notes a bad one.
  init(
    reading file: File, logInstanceID: UniqueID, note: (String) -> Void
  ) throws(CommitLogError) {
    self.file = file
    self.logInstanceID = logInstanceID
    var found: (sequence: UInt64, meta: LogMeta)?
    var flaws: [CommitLogError] = []
    for slot in 0..<2 as Range<UInt64> {
      do throws(CommitLogError) {
        let read = try MetaFile.read(file, slot: slot, logInstanceID)
        if read.sequence >= found?.sequence ?? 0 {
          found = read
          self.slot = slot
        }
      } catch {
        flaws.append(error)
      }
    }
    guard let found else { throw flaws[0] }
    for flaw in flaws {
      guard case .corrupt = flaw else { throw flaw }
      note("one of the two slots of \(file.path) was unreadable, the other is used: \(flaw)")
    }
    sequence = found.sequence
    current = found.meta
  }

  /// Puts `meta` in the older slot without waiting for the disk; in the same one again until that is known to be on it,
  /// so that a power cut finds one of the two as it was.
  mutating func write(_ meta: LogMeta) throws(CommitLogError) {
    sequence += 1
    current = meta
    if !isSlotUnsynced { slot = 1 - slot }
    isSlotUnsynced = true
    try file.write(
      MetaFile.encode(meta, sequence: sequence, logInstanceID),
      at: slot * MetaFile.slotDistance)
  }

  /// Puts `meta` in both slots, one after the other, each on disk before the next.
  mutating func writeDurably(_ meta: LogMeta) throws(CommitLogError) {
    for _ in 0..<2 {
      try write(meta)
      try file.sync()
      isSlotUnsynced = false
    }
  }

  /// The first byte outside the slots that is not zero: nobody wrote it. nil where there is none.
  static func strayByte(in file: File) throws(CommitLogError) -> UInt64? {
    let size = try file.size()
    let bytes = try file.readBytes(Int(min(size, 2 * slotDistance)), at: 0)
    for (place, byte) in bytes.enumerated()
    where byte != 0 && place % Int(slotDistance) >= slotBytes {
      return UInt64(place)
    }
    return size > slotDistance + UInt64(slotBytes) ? slotDistance + UInt64(slotBytes) : nil
  }

  private static func encode(
    _ meta: LogMeta, sequence: UInt64, _ logInstanceID: UniqueID
  ) -> [UInt8] {
    var covered = LittleEndianWriter()
    covered.add(format)
    covered.add(UInt16((meta.isClean ? 1 : 0) | (meta.isTailUncertain ? 2 : 0)))
    covered.add(UInt32(0))
    covered.add(sequence)
    covered.add(logInstanceID)
    let numbers = [
      meta.startOffset, meta.firstIndex, meta.commitMark, meta.nextOffset, meta.nextIndex,
      meta.lastTerm,
      meta.lastLogTime, meta.maxTimestamp, meta.lastSegment, meta.storeEnd,
    ]
    for number in numbers { covered.add(number) }
    var slot = LittleEndianWriter()
    slot.add(magic)
    slot.add(CRC32C.checksum(covered.bytes))
    return slot.bytes + covered.bytes
  }

  private static func read(
    _ file: File, slot: UInt64, _ logInstanceID: UniqueID
  ) throws(CommitLogError) -> (sequence: UInt64, meta: LogMeta) {
    let position = slot * slotDistance
    let bytes = try file.readBytes(slotBytes, at: position)
    var reader = LittleEndianReader(bytes[...])
    guard reader.number(UInt32.self) == magic,
      reader.number(UInt32.self) == CRC32C.checksum(Array(bytes[8...]))
    else {
      throw .corrupt(
        file: file.path, position: position, offset: 0, what: "the checksum of a slot is wrong")
    }
    let found: UInt16 = reader.number()
    guard found == format else {
      throw .unsupportedFormat(file: file.path, found: Int(found), supported: Int(format))
    }
    var meta = LogMeta()
    let flags = reader.number(UInt16.self)
    meta.isClean = flags & 1 != 0
    meta.isTailUncertain = flags & 2 != 0
    _ = reader.number(UInt32.self)
    let sequence: UInt64 = reader.number()
    let id = reader.id()
    guard id == logInstanceID else {
      throw .foreign(file: file.path, expected: "\(logInstanceID)", found: "\(id)")
    }
    meta.startOffset = reader.number()
    meta.firstIndex = reader.number()
    meta.commitMark = reader.number()
    meta.nextOffset = reader.number()
    meta.nextIndex = reader.number()
    meta.lastTerm = reader.number()
    meta.lastLogTime = reader.number()
    meta.maxTimestamp = reader.number()
    meta.lastSegment = reader.number()
    meta.storeEnd = reader.number()
    let counts = [
      sequence, meta.startOffset, meta.firstIndex, meta.commitMark, meta.nextOffset,
      meta.nextIndex, meta.lastTerm, meta.lastSegment, meta.storeEnd,
    ]
    guard counts.allSatisfy({ $0 < CountLimit.end }), meta.nextIndex >= 1 else {
      throw .corrupt(
        file: file.path, position: position, offset: 0, what: "a number in a slot is impossible")
    }
    return (sequence, meta)
  }
}
