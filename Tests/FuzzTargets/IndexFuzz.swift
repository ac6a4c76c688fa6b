import CommitLog

/// Index, meta and identity beside good stores: opening refuses, or serves exactly what the stores hold.
enum IndexFuzz {
  static func run(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let mode = input.byte()
    var contents = Template.contents
    let places = [
      LogFolderBytes.indexPath(0), LogFolderBytes.indexPath(Template.secondBase),
      LogFolderBytes.metaPath, LogFolderBytes.identityPath,
    ]
    for (number, path) in places.enumerated() where mode & 1 << UInt8(number) != 0 {
      let length = number == 3 ? input.rest.count : input.number16()
      contents[path] = Array(input.take(length))
    }
    if mode & 16 != 0 {
      contents[LogFolderBytes.metaPath] = contents[LogFolderBytes.metaPath].map(
        LogFolderBytes.sealedMeta)
    }
    if mode & 32 != 0 { contents[places[0]] = nil }
    let disk = FuzzDisk(contents)
    let log: FuzzLog
    do throws(CommitLogError) {
      log = try FuzzLog(disk)
    } catch {
      try require(mode & 47 != 0, "an untouched log is refused: \(error)")
      for number in [0, Template.secondBase] {
        let path = LogFolderBytes.storePath(number)
        try require(
          disk.contents[path].map { $0 == contents[path] } ?? (mode & 20 == 20),
          "refused with \"\(error)\", and \(path) is another")
      }
      return
    }
    try serves(log)
    try log.lookUp(UInt64(mode))
    try log.appendAndReopen(log.records(from: log.engine.offsets.lowerBound))
  }

  private static func serves(_ log: FuzzLog) throws(FuzzFinding) {
    let truth = Template.records
    let offsets = log.engine.offsets
    try require(
      offsets.upperBound == UInt64(truth.count), "\(offsets) instead of 0..<\(truth.count)")
    for offset in offsets {
      try require(
        log.records(from: offset) == Array(truth[Int(offset)...]),
        "other records from \(offset) on than were stored")
    }
  }

  // MARK: - Seeds

  static var seeds: [[UInt8]] {
    let contents = Template.contents
    let index0 = contents[LogFolderBytes.indexPath(0)] ?? []
    let index1 = contents[LogFolderBytes.indexPath(Template.secondBase)] ?? []
    let meta = contents[LogFolderBytes.metaPath] ?? []
    func sized(_ bytes: [UInt8]) -> [UInt8] {
      [UInt8(bytes.count & 255), UInt8(bytes.count >> 8)] + bytes
    }
    return [
      [0], [1] + sized(index0), [2] + sized(index1), [4] + sized(meta), [20] + sized(meta),
      [8] + LogFolderBytes.identity, [32], [3] + sized(index1) + sized(index0),
      [20] + sized(LogFolderBytes.meta([3, 1, 4, 9, 9, 1, 0, 0, 1, 0], isClean: false)),
    ]
  }
}
