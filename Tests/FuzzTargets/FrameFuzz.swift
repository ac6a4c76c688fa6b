import CommitLog
import LogAPI
import Protobuf

/// The bytes of a store: opening cuts, refuses or serves, and what it serves stays.
enum FrameFuzz {
  static func run(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let mode = input.byte()
    let mark = UInt64(input.byte() % 32)
    let choice = UInt64(input.byte())
    var store = Array(input.rest)
    if mode & 1 != 0 {
      store = LogFolderBytes.sealedStore(store)
    } else if mode & 2 != 0 {
      store = LogFolderBytes.sealedHeader(store)
    }
    var contents = LogFolderBytes.empty
    contents[LogFolderBytes.storePath(0)] = store
    contents[LogFolderBytes.metaPath] = LogFolderBytes.meta(
      [0, 1, mark, 0, 1, 0, 0, 0, 1, 0], isClean: false)
    let disk = FuzzDisk(contents)
    let log: FuzzLog
    do throws(CommitLogError) {
      log = try FuzzLog(disk, acknowledgesOnWrite: mode & 4 != 0)
    } catch {
      let left = disk.contents[LogFolderBytes.storePath(0)]
      try require(left == store, "refused with \"\(error)\", and the store is another")
      return
    }
    let offsets = log.engine.offsets
    try require(log.engine.tail.nextIndex > mark, "entries below the mark \(mark) were cut")
    // How many records a body holds is vouched for by its checksum alone, which an input can get right: not compared.
    _ = log.records(from: offsets.lowerBound + choice, maxRecords: 3)
    try agrees(log)
    try log.lookUp(choice)
    try log.lookUp(.max)
    // Of a replicated log nothing committed is ever cut: to ask for that is a fault of the caller, not of the disk.
    if mode & 8 != 0 { cut(log, choice, isReplicated: mode & 4 == 0) }
    let left = log.records(from: log.engine.offsets.lowerBound)
    try log.appendAndReopen(mode & 8 == 0 ? left : nil)
  }

  private static func cut(_ log: FuzzLog, _ choice: UInt64, isReplicated: Bool) {
    if choice % 2 == 0, !isReplicated {
      _ = try? log.engine.truncateSuffix(from: log.engine.offsets.lowerBound + choice / 2)
    } else {
      _ = try? log.engine.truncatePrefix(before: log.engine.offsets.lowerBound + choice / 2)
    }
  }

  /// The store's own reader of records and the wire's agree on what both accept.
  private static func agrees(_ log: FuzzLog) throws(FuzzFinding) {
    let offsets = log.engine.offsets
    guard let records = log.records(from: offsets.lowerBound) else { return }
    var served: [LogAPI.Record] = []
    var cursor = LogCursor(nextOffset: offsets.lowerBound)
    let reader = EngineReader(log.engine)
    while served.count < records.count {
      var isWire = true
      let outcome = try? reader.read(
        &cursor, limit: offsets.upperBound, maxRecords: 1_000, maxBytes: 4096, mayBlock: true
      ) { run in
        if let response = try? ConsumeResponse(reading: run.bytes) {
          served += response.records
        } else {
          isWire = false
        }
      }
      guard outcome == .run, isWire else { return }
    }
    try require(served.map(told) == records.map(told), "a record is stored and served differently")
  }

  private static func told(_ record: LogAPI.Record) -> [[UInt8]] {
    [record.value, record.key]
      + record.headers.flatMap { [Array($0.name.utf8), $0.value] }
      + [Array("\(record.offset) \(record.term) \(record.timestampUnixNano)".utf8)]
  }

  private static func told(_ record: StoredRecord) -> [[UInt8]] {
    [record.value, record.key]
      + record.headers.flatMap { [Array($0.name.utf8), $0.value] }
      + [Array("\(record.offset) \(record.term) \(record.timestamp)".utf8)]
  }

  // MARK: - Seeds

  static var seeds: [[UInt8]] {
    let store = Template.stores.first ?? []
    let cut = Array(store.dropLast(20))
    return [
      [2, 0, 3] + store, [3, 0, 3] + store, [7, 9, 1] + store, [0, 0, 0] + store,
      [6, 3, 200] + cut, [11, 0, 4] + store, [15, 0, 5] + store,
      [6, 0, 0] + store + [UInt8](repeating: 0, count: 40), [3, 0, 0] + store.prefix(64),
    ]
  }
}
