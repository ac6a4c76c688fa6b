import CommitLog

/// The bytes of an image: refused with nothing left behind, or restored to a log that opens and serves.
enum ImageFuzz {
  private static let target = "/restored"

  static func run(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let mode = input.byte()
    let step = Int(input.byte()) * 8 + 1
    let image = mode & 1 != 0 ? sealed(Array(input.rest)) : Array(input.rest)
    let inspected = try? CommitLog.inspect("image", source(image, step: 1 << 20))
    let disk = FuzzDisk()
    let restored: SnapshotSummary
    do {
      restored = try LogEngine.restore(
        "image", into: target, disk: disk, options: FuzzLog.options,
        keepsClusterID: mode & 2 != 0, source(image, step: step))
    } catch {
      try require(disk.contents.isEmpty, "refused with \"\(error)\", and files are left")
      try require(inspected == nil, "an image that is in order is refused: \(error)")
      return
    }
    try require(restored == inspected, "reading and restoring an image tell different things")
    let log: FuzzLog
    do throws(CommitLogError) {
      log = try FuzzLog(disk, at: target)
    } catch {
      throw FuzzFinding("a restored log does not open: \(error)")
    }
    try require(
      log.engine.offsets == restored.offsets,
      "\(restored.offsets) were restored, \(log.engine.offsets) are there")
    let records = log.records(from: restored.offsets.lowerBound)
    try snapshotAgain(log, restored, records)
    try log.appendAndReopen(records)
  }

  private static func snapshotAgain(
    _ log: FuzzLog, _ summary: SnapshotSummary, _ records: [Record]?
  ) throws(FuzzFinding) {
    guard records != nil else { return }
    let again: SnapshotSummary
    do {
      let image = try log.image()
      again = try CommitLog.inspect("again", source(image, step: 1 << 20))
    } catch {
      throw FuzzFinding("the image of a restored log is refused: \(error)")
    }
    try require(again.offsets == summary.offsets, "\(again.offsets), not \(summary.offsets)")
  }

  private static func source(
    _ image: [UInt8], step: Int
  ) -> (UnsafeMutableRawBufferPointer) -> Int {
    var rest = image[...]
    return { buffer in
      let count = min(buffer.count, step, rest.count)
      buffer.copyBytes(from: rest.prefix(count))
      rest = rest.dropFirst(count)
      return count
    }
  }

  /// `bytes` as an image with good sums: of the header, of each chunk, of the frame that begins a chunk.
  private static func sealed(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 128 else { return bytes }
    var image = bytes
    image.replaceSubrange(0..<4, with: Array("DLIM".utf8))
    image.replaceSubrange(8..<10, with: [1, 0])
    image.replaceSubrange(
      4..<8, with: LogFolderBytes.little(CRC32C.checksum(Array(image[8..<128]))))
    var place = 128
    var sequence: UInt64 = 0
    while place + 16 <= image.count {
      let length = image[place..<place + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
      let end = place + 16 + (length == 0 ? 16 : length)
      guard end <= image.count else { break }
      if length > 0 { LogFolderBytes.sealFrame(&image, at: place + 16, end: end) }
      image.replaceSubrange(place + 8..<place + 16, with: LogFolderBytes.little(sequence))
      let covered = Array(image[place..<place + 4] + image[place + 8..<end])
      image.replaceSubrange(
        place + 4..<place + 8, with: LogFolderBytes.little(CRC32C.checksum(covered)))
      place = end
      sequence += 1
    }
    return image
  }

  // MARK: - Seeds

  static var seeds: [[UInt8]] {
    let image = Template.image
    return [
      [0, 255] + image, [1, 9] + image, [3, 0] + image, [0, 0] + image + [0],
      [0, 3] + image.dropLast(5), [1, 9] + image.prefix(128) + image.suffix(32),
    ]
  }
}
