import CommitLog

/// A closed log of two segments, the same in every run.
enum Template {
  private static let made: (contents: [String: [UInt8]], records: [Record], image: [UInt8]) = {
    let disk = FuzzDisk(LogFolderBytes.empty)
    do {
      let log = try FuzzLog(disk)
      for number in 0..<6 as Range<UInt8> {
        let record = Record(
          value: [UInt8](repeating: number, count: 10), key: [number],
          headers: [.init(name: "h", value: [1, number])], timestamp: UInt64(number % 3) * 500)
        _ = try log.engine.append(number % 2 == 0 ? [record] : [record, record])
      }
      let records = log.records(from: 0) ?? []
      let image = try log.image()
      try log.engine.close()
      return (disk.contents, records, image)
    } catch {
      preconditionFailure("the template cannot be made: \(error)")
    }
  }()

  /// The base offset of the second segment: four entries fill the first one's index.
  static let secondBase: UInt64 = 6
  static var records: [Record] { made.records }
  /// A snapshot of it.
  static var image: [UInt8] { made.image }

  static var contents: [String: [UInt8]] { made.contents }

  static var stores: [[UInt8]] {
    [0, secondBase].compactMap { contents[LogFolderBytes.storePath($0)] }
  }
}
