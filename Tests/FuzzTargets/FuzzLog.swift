import CommitLog
import Synchronization

/// A log on a `FuzzDisk` and what is asked of every log that opens.
struct FuzzLog {
  let disk: FuzzDisk
  let engine: LogEngine<FuzzDisk>
  private let path: String
  private let reader: EngineReader<FuzzDisk>

  /// Throws when opening refuses.
  init(
    _ disk: FuzzDisk, at path: String = LogFolderBytes.folder, acknowledgesOnWrite: Bool = true
  ) throws(CommitLogError) {
    self.disk = disk
    self.path = path
    var options = Self.options
    options.acknowledgesOnWrite = acknowledgesOnWrite
    engine = try LogEngine(path, disk: disk, options: options)
    reader = EngineReader(engine)
  }

  /// Small segments, and a clock that goes the same way in every run.
  static var options: CommitLog.Options {
    let time = Atomic<UInt64>(1_000)
    var options = CommitLog.Options()
    options.segmentBytes = 1024
    options.indexBytes = 4 * 12
    options.reserveStep = 256
    options.clock = {
      time.add(1, ordering: .relaxed)
      return time.load(ordering: .relaxed)
    }
    return options
  }

  /// The records from `offset` on, as far as they can be read.
  func records(from offset: UInt64, maxRecords: Int = 2_000) -> [Record]? {
    try? reader.read(from: offset, maxRecords: maxRecords, maxBytes: 1 << 20)
  }

  /// The whole log as one stream.
  func image() throws -> [UInt8] {
    var bytes: [UInt8] = []
    _ = try engine.snapshot { bytes += $0 }
    return bytes
  }

  /// Looks up times; answers lie in the log.
  func lookUp(_ time: UInt64) throws(FuzzFinding) {
    let offsets = engine.offsets
    if let found = try? engine.offset(at: time) {
      try require(offsets.contains(found.offset), "time \(time) is at \(found.offset)")
    }
    if let found = (try? engine.offset(atLogTime: time)) ?? nil {
      try require(offsets.contains(found), "log time \(time) is at \(found)")
    }
    _ = try? engine.firstLogTime()
  }

  /// Appends a record, closes, opens again: what was there is there, and so is the new record.
  func appendAndReopen(_ before: [Record]?) throws(FuzzFinding) {
    let offsets = engine.offsets
    let value: [UInt8] = Array("appended".utf8)
    guard let appended = try? engine.append([Record(value: value)]) else { return }
    try require(
      appended == offsets.upperBound..<offsets.upperBound + 1,
      "the record behind \(offsets) got \(appended)")
    do throws(CommitLogError) {
      try engine.close()
    } catch {
      throw FuzzFinding("a log with a new record does not close: \(error)")
    }
    let again: FuzzLog
    do throws(CommitLogError) {
      again = try FuzzLog(disk, at: path)
    } catch {
      throw FuzzFinding("a log that was opened, written and closed does not open again: \(error)")
    }
    try require(
      again.engine.offsets == offsets.lowerBound..<appended.upperBound,
      "\(again.engine.offsets) after \(offsets) and one record")
    try require(
      again.records(from: appended.lowerBound)?.map(\.value) == [value],
      "the appended record is not served")
    // A frame with another count than its body has records, and right checksums, is no frame of ours.
    guard let before, UInt64(before.count) == offsets.upperBound - offsets.lowerBound else {
      return
    }
    try require(
      again.records(from: offsets.lowerBound)?.dropLast() == before[...],
      "older records are served otherwise after an append")
  }
}

/// The log's own record: beside LogAPI's the bare name has two meanings, and `CommitLog.Record` means a member of the class.
typealias StoredRecord = Record
