import Synchronization

/// A durable, ordered log of records in a folder of its own.
///
/// Records get consecutive offsets from 0. What `append` returned for is on disk; it is there after a crash and a power
/// cut. Any thread may call any method; writes go one after the other, reads beside them.
///
///     let log = try CommitLog.open("/var/lib/example")
///     let offsets = try log.append([Record(value: Array("hello".utf8))])
///     let records = try log.read(from: offsets.lowerBound)
///     try log.close()
///
/// The files are the replicated log's of distlog: a single node writes term 1 and dense indexes.
public final class CommitLog: Sendable {
  let engine: LogEngine<LinuxDisk>
  private let readers = Mutex<[ReaderBox]>([])

  /// Carries a reader from thread to thread; the list above has each one only once.
  private struct ReaderBox: @unchecked Sendable {
    let reader: EngineReader<LinuxDisk>
  }

  /// The log that an engine keeps.
  package init(_ engine: LogEngine<LinuxDisk>) {
    self.engine = engine
  }

  /// Opens the log in `folder`, or makes it. Only one process may have it open.
  ///
  /// A torn write at the end (the process or the machine stopped in the middle of it; never acknowledged) is cut and
  /// noted through `options`. Damage elsewhere is refused with `corrupt`.
  public static func open(
    _ folder: String, options: Options = Options()
  ) throws(CommitLogError) -> CommitLog {
    CommitLog(try LogEngine(folder, disk: LinuxDisk(), options: options))
  }

  /// The lowest offset that is kept ..< the next one to be given out.
  public var offsets: Range<UInt64> { engine.offsets }

  /// Appends `records` as one batch, all or nothing, and returns their offsets; they are on disk by then.
  ///
  /// Offsets and terms in `records` are ignored. At most 16 MiB.
  public func append(_ records: [Record]) throws(CommitLogError) -> Range<UInt64> {
    try engine.append(records)
  }

  /// The records from `offset` on: at most `maxRecords` and, but for the first, at most `maxBytes` as stored. Empty where
  /// `offset` is the next one to be given out.
  ///
  /// Throws `offsetTruncated` below the log's start and `offsetOutOfRange` beyond its end. Checksums are verified.
  public func read(
    from offset: UInt64, maxRecords: Int = 1_000, maxBytes: Int = 1 << 20
  ) throws(CommitLogError) -> [Record] {
    let box = readers.withLock { $0.popLast() } ?? ReaderBox(reader: EngineReader(engine))
    defer { readers.withLock { if $0.count < 4 { $0.append(box) } } }
    return try box.reader.read(from: offset, maxRecords: maxRecords, maxBytes: maxBytes)
  }

  /// The first record at which the highest record timestamp so far reaches `timestamp` (ns since 1970), and that record's
  /// own; nil where there is none. Where removed batches had reached it: the first record of the first batch kept that
  /// does, else the first record kept.
  public func offset(
    at timestamp: UInt64
  ) throws(CommitLogError) -> (offset: UInt64, timestamp: UInt64)? {
    try engine.offset(at: timestamp)
  }

  /// The first record appended at `time` (ns since 1970) or later, by the log's own never-decreasing clock; nil where
  /// there is none.
  public func offset(atLogTime time: UInt64) throws(CommitLogError) -> UInt64? {
    try engine.offset(atLogTime: time)
  }

  /// Removes the records from `offset` on. Batches go whole: `insideBatch` is thrown for an offset that is not the first of
  /// its batch.
  public func truncateSuffix(from offset: UInt64) throws(CommitLogError) {
    try engine.truncateSuffix(from: offset)
  }

  /// Makes `offset` the lowest that is kept; disk space is given back by whole segments.
  public func truncatePrefix(before offset: UInt64) throws(CommitLogError) {
    try engine.truncatePrefix(before: offset)
  }

  /// Cuts the files to their contents and lets go of the folder. Every other call throws `closed` from then on. A log that
  /// was not closed is recovered when it is opened. Where an earlier write failed, it throws `poisoned` and lets go of the
  /// folder all the same.
  public func close() throws(CommitLogError) {
    try engine.close()
  }
}

extension CommitLog {
  package var identity: LogIdentity { engine.identity }
  package var retention: Retention { engine.options.retention }
  /// What is durable here, read in one piece.
  package var tail: LogTail { engine.tail }
  package var segmentCount: Int { engine.segmentCount }
  /// Bytes of all stores.
  package var sizeBytes: UInt64 { engine.sizeBytes }
  /// What opening read from files.
  package var statistics: ReadStatistics { engine.openStatistics }
  /// Log time of the oldest entry kept, ns since 1970; nil for an empty log.
  package func firstLogTime() throws(CommitLogError) -> UInt64? { try engine.firstLogTime() }

  /// Removes the entries from `index` on.
  package func truncateSuffix(fromIndex index: UInt64) throws(CommitLogError) {
    try engine.truncateSuffix(fromIndex: index)
  }
}

extension EngineReader {
  /// See `CommitLog.read`.
  package func read(
    from offset: UInt64, maxRecords: Int, maxBytes: Int
  ) throws(CommitLogError) -> [Record] {
    let available = availableOffsets
    guard offset <= available.upperBound else {
      throw .offsetOutOfRange(offset: offset, available: available)
    }
    guard offset >= available.lowerBound else {
      throw .offsetTruncated(offset: offset, start: available.lowerBound)
    }
    var records: [Record] = []
    var cursor = LogCursor(nextOffset: offset)
    var bytesLeft = maxBytes
    while records.count < maxRecords, bytesLeft > 0 {
      var runBytes = 0
      let outcome = try read(
        &cursor, limit: available.upperBound, maxRecords: maxRecords - records.count,
        maxBytes: bytesLeft, mayBlock: true
      ) { (run) throws(CommitLogError) in
        // A run has at least one record, but only the first answer may be over the limit.
        guard records.isEmpty || run.bytes.count <= bytesLeft else { return }
        runBytes = run.bytes.count
        var position = 0
        while position < run.bytes.count {
          guard let record = RecordFormat.read(run.bytes, &position) else {
            throw .corrupt(
              file: "", position: 0, offset: run.firstOffset, what: "a record cannot be read")
          }
          records.append(record)
        }
      }
      guard outcome == .run, runBytes > 0 else { break }
      bytesLeft -= runBytes
    }
    return records
  }
}
