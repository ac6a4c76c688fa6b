import CommitLog

/// The fixed-size files of a data folder, written out by the documented formats, so that inputs have the same ids always.
enum LogFolderBytes {
  static let folder = "/log"
  private static let id = "01020304-0506-4708-890a-0b0c0d0e0f10"
  static let identityPath = folder + "/identity"
  static let logFolder = folder + "/logs/" + id
  static let metaPath = logFolder + "/meta"

  private static let idBytes: [UInt8] = [
    1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10,
  ]

  static var identity: [UInt8] {
    let lines = "distlog data folder\nformat 1\ncluster \(id)\nstorage \(id)\nlog \(id)\n"
    return Array((lines + "crc32c \(CRC32C.checksum(Array(lines.utf8)))\n").utf8)
  }

  static func storePath(_ number: UInt64) -> String { path(number, "store") }
  static func indexPath(_ number: UInt64) -> String { path(number, "index") }

  private static func path(_ number: UInt64, _ ending: String) -> String {
    let digits = String(number)
    return "\(logFolder)/\(String(repeating: "0", count: 20 - digits.count))\(digits).\(ending)"
  }

  /// A log without an entry.
  static var empty: [String: [UInt8]] {
    [
      identityPath: identity, metaPath: meta([0, 1, 0, 0, 1, 0, 0, 0, 1, 0], isClean: false),
      storePath(0): sealedHeader([UInt8](repeating: 0, count: 40) + [0, 0, 0, 0, 0, 0, 0, 0, 1]),
    ]
  }

  // MARK: - Making checksums right

  /// `bytes` as the header of a store of this log: magic, format, sum and ids are put right.
  static func sealedHeader(_ bytes: [UInt8]) -> [UInt8] {
    var header = bytes + [UInt8](repeating: 0, count: max(0, 64 - bytes.count))
    header.replaceSubrange(0..<4, with: [0x44, 0x4C, 1, 0])
    header.replaceSubrange(8..<40, with: idBytes + idBytes)
    let sum = CRC32C.checksum(Array(header[..<4] + header[8..<64]))
    header.replaceSubrange(4..<8, with: little(sum))
    return header
  }

  /// `bytes` as a store: the header put right, and the sums of every frame that can be found by the lengths.
  static func sealedStore(_ bytes: [UInt8]) -> [UInt8] {
    var store = sealedHeader(bytes)
    var place = 64
    while place + 96 <= store.count {
      place = sealFrame(&store, at: place, end: store.count)
    }
    return store
  }

  /// The sums of the frame at `place`, as far as it ends before `end`; the place behind it.
  @discardableResult
  static func sealFrame(_ bytes: inout [UInt8], at place: Int, end: Int) -> Int {
    guard place + 96 <= end else { return end }
    bytes.replaceSubrange(place..<place + 4, with: Array("DLFR".utf8))
    let length = bytes[place + 8..<place + 12].reversed().reduce(0) { $0 << 8 | Int($1) }
    let behind = place + 96 + length
    if behind <= end {
      let sum = CRC32C.checksum(Array(bytes[place + 96..<behind]))
      bytes.replaceSubrange(place + 12..<place + 16, with: little(sum))
    }
    let sum = CRC32C.checksum(Array(bytes[place + 8..<place + 96]))
    bytes.replaceSubrange(place + 4..<place + 8, with: little(sum))
    return min(behind, end)
  }

  /// `bytes` as a meta file of this log, both slots put right as far as they are there.
  static func sealedMeta(_ bytes: [UInt8]) -> [UInt8] {
    var meta = bytes
    for slot in [0, 4096] where slot + 120 <= meta.count {
      meta.replaceSubrange(slot..<slot + 4, with: Array("DLMT".utf8))
      meta.replaceSubrange(slot + 8..<slot + 10, with: [1, 0])
      meta.replaceSubrange(slot + 24..<slot + 40, with: idBytes)
      let sum = CRC32C.checksum(Array(meta[slot + 8..<slot + 120]))
      meta.replaceSubrange(slot + 4..<slot + 8, with: little(sum))
    }
    return meta
  }

  /// Both slots with the numbers of `LogMeta`, in its order.
  static func meta(_ numbers: [UInt64], isClean: Bool) -> [UInt8] {
    var slot = [UInt8](repeating: 0, count: 40)
    slot[10] = isClean ? 1 : 0
    for number in numbers { slot += little(number) }
    let padding = [UInt8](repeating: 0, count: 4096 - slot.count)
    return sealedMeta(slot + padding + slot)
  }

  static func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }
}
