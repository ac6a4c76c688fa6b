/// The kinds of entries a frame may hold. Unknown ones are kept and skipped by readers of records.
package struct FrameKind: RawRepresentable, Sendable, Hashable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Records; the only kind that takes offsets.
  package static let data = FrameKind(rawValue: 1)
  /// A new leader's first entry.
  package static let noOperation = FrameKind(rawValue: 2)
  package static let configuration = FrameKind(rawValue: 3)
  package static let logStart = FrameKind(rawValue: 4)
  package static let producers = FrameKind(rawValue: 5)
  package static let cursors = FrameKind(rawValue: 6)
  package static let settings = FrameKind(rawValue: 7)
}

/// The header of a frame: one entry of the log on disk.
///
/// Little-endian, fixed width, 96 bytes; the body follows at once, the next frame at once behind it.
///
///     byte  size  field
///        0     4  magic "DLFR"
///        4     4  header CRC-32C, over bytes 8 to 96: the body's sum is covered too
///        8     4  body length, at most 16 MiB
///       12     4  body CRC-32C
///       16     1  format, 1
///       17     1  kind
///       18     2  flags: bit 0 = first frame of a write
///       20     4  record count; 0 unless kind is data
///       24     8  Raft index, dense from 1
///       32     8  term, 1 in a log of its own
///       40     8  base offset: of the first record; of the next one where there is none
///       48     8  commit mark: the highest index known to be acknowledged when this was written
///       56     8  log time: the append's, ns since 1970, never going back
///       64     8  max record timestamp so far, this frame included, ns since 1970
///       72     8  producer id, 0 = none
///       80     8  base sequence
///       88     4  producer epoch
///       92     4  reserved, 0
///
/// The flag "first frame of a write" is each disk's own, set by the writer. A write begins only when the one before
/// is durable, so a frame that is bad in front of such a one was durable once: that is damage. A frame that is bad
/// in front of others of the same write may be a torn write that was never acknowledged (power went while its
/// pages were on their way in any order).
package struct FrameHeader: Sendable, Equatable {
  package static let size = 96
  package static let magic: UInt32 = 0x5246_4C44
  package static let format: UInt8 = 1
  package static let maxBodyBytes = 16 << 20
  static let startsWriteFlag: UInt16 = 1

  package var kind = FrameKind.data
  package var flags: UInt16 = 0
  package var bodyLength: UInt32 = 0
  package var bodyChecksum: UInt32 = 0
  package var recordCount: UInt32 = 0
  package var index: UInt64 = 0
  package var term: UInt64 = 0
  package var baseOffset: UInt64 = 0
  package var commitMark: UInt64 = 0
  package var logTime: UInt64 = 0
  package var maxTimestamp: UInt64 = 0
  package var producerID: UInt64 = 0
  package var baseSequence: UInt64 = 0
  package var producerEpoch: UInt32 = 0

  package init() {}

  /// Header and body.
  package var frameBytes: Int { FrameHeader.size + Int(bodyLength) }
  package var nextOffset: UInt64 { baseOffset &+ UInt64(recordCount) }
  package var offsets: Range<UInt64> { baseOffset..<nextOffset }
  package var startsWrite: Bool { flags & FrameHeader.startsWriteFlag != 0 }

  /// Why bytes are not a header.
  enum Flaw: Error, Equatable {
    case notAFrame
    case checksum
    case format(UInt8)
    case bodyTooLong(UInt32)
    case impossibleCount

    var text: String {
      switch self {
      case .notAFrame: "no frame starts here"
      case .checksum: "the checksum of the frame header is wrong"
      case .format(let format): "the frame has the unknown format \(format)"
      case .bodyTooLong(let length): "the frame claims a body of \(length) bytes"
      case .impossibleCount: "an index, offset or term of the frame is impossible"
      }
    }
  }

  /// Reads and checks the 96 bytes at `bytes`.
  init(checking bytes: UnsafeRawPointer) throws(Flaw) {
    guard bytes.little32(0) == FrameHeader.magic else { throw .notAFrame }
    let covered = UnsafeRawBufferPointer(start: bytes + 8, count: FrameHeader.size - 8)
    guard CRC32C.checksum(covered) == bytes.little32(4) else { throw .checksum }
    let format = bytes.load(fromByteOffset: 16, as: UInt8.self)
    guard format == FrameHeader.format else { throw .format(format) }
    self.init(verified: bytes)
    guard bodyLength <= FrameHeader.maxBodyBytes else { throw .bodyTooLong(bodyLength) }
    guard max(max(index, term), max(baseOffset, commitMark)) < CountLimit.end else {
      throw .impossibleCount
    }
  }

  /// Reads the 96 bytes at `bytes`, which were checked before.
  init(verified bytes: UnsafeRawPointer) {
    bodyLength = bytes.little32(8)
    bodyChecksum = bytes.little32(12)
    kind = FrameKind(rawValue: bytes.load(fromByteOffset: 17, as: UInt8.self))
    flags = bytes.little16(18)
    recordCount = bytes.little32(20)
    index = bytes.little64(24)
    term = bytes.little64(32)
    baseOffset = bytes.little64(40)
    commitMark = bytes.little64(48)
    logTime = bytes.little64(56)
    maxTimestamp = bytes.little64(64)
    producerID = bytes.little64(72)
    baseSequence = bytes.little64(80)
    producerEpoch = bytes.little32(88)
  }

  /// Writes the 96 bytes, checksum included.
  func write(to bytes: UnsafeMutableRawPointer) {
    bytes.store32(FrameHeader.magic, 0)
    bytes.store32(bodyLength, 8)
    bytes.store32(bodyChecksum, 12)
    bytes.storeBytes(of: FrameHeader.format, toByteOffset: 16, as: UInt8.self)
    bytes.storeBytes(of: kind.rawValue, toByteOffset: 17, as: UInt8.self)
    bytes.store16(flags, 18)
    bytes.store32(recordCount, 20)
    bytes.store64(index, 24)
    bytes.store64(term, 32)
    bytes.store64(baseOffset, 40)
    bytes.store64(commitMark, 48)
    bytes.store64(logTime, 56)
    bytes.store64(maxTimestamp, 64)
    bytes.store64(producerID, 72)
    bytes.store64(baseSequence, 80)
    bytes.store32(producerEpoch, 88)
    bytes.store32(0, 92)
    FrameHeader.seal(bytes)
  }

  /// Says of the finished frame at `bytes` whether it is the first of a write. An earlier attempt to write may have said
  /// otherwise.
  @inline(__always)
  static func setStartsWrite(_ starts: Bool, _ bytes: UnsafeMutableRawPointer) {
    let old = UnsafeRawPointer(bytes).little16(18)
    let new = starts ? old | startsWriteFlag : old & ~startsWriteFlag
    guard new != old else { return }
    // A new checksum must not vouch for bytes that the old one did not.
    let covered = UnsafeRawBufferPointer(start: bytes + 8, count: size - 8)
    precondition(
      CRC32C.checksum(covered) == UnsafeRawPointer(bytes).little32(4),
      "a frame about to be written was damaged in memory")
    bytes.store16(new, 18)
    seal(bytes)
  }

  private static func seal(_ bytes: UnsafeMutableRawPointer) {
    let covered = UnsafeRawBufferPointer(start: bytes + 8, count: size - 8)
    bytes.store32(CRC32C.checksum(covered), 4)
  }
}
