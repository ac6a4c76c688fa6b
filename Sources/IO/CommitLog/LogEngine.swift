import Synchronization

/// A log over any disk: one writer under a lock, readers beside it.
package final class LogEngine<D: Disk>: Sendable {
  package let identity: LogIdentity
  package let options: CommitLog.Options
  package let disk: D
  /// What opening read.
  package let openStatistics: ReadStatistics
  private let writer: Mutex<LogWriter<D>>
  private let box: LogViewBox<D.File>

  /// Opens the data folder at `path`, or makes it.
  package convenience init(
    _ path: String, disk: D, options: CommitLog.Options
  ) throws(CommitLogError) {
    try self.init(path, disk: disk, options: options, origin: nil)
  }

  /// Opens the data folder at `path`, or makes it.
  ///
  /// - Parameter restart: told the folder of the log's own files before they are read; where a `restart` that a crash
  ///   cut short is to begin, nil where there was none.
  package convenience init(
    _ path: String, disk: D, options: CommitLog.Options,
    restart: (_ folder: String) throws(CommitLogError) -> LogTail?
  ) throws(CommitLogError) {
    try self.init(path, disk: disk, options: options, origin: nil, restart: restart)
  }

  /// `origin`: where a new log begins; there must be none at `path`.
  init(
    _ path: String, disk: D, options: CommitLog.Options, origin: LogOrigin?,
    restart: (_ folder: String) throws(CommitLogError) -> LogTail? = { _ in nil }
  ) throws(CommitLogError) {
    let options = options.checked()
    let folder = DataFolder(path: path)
    let before = disk.readCounter.statistics
    try disk.makeFolder(path)
    let lock = try disk.lock(folder.lockFile, folder: path)
    let isThere = disk.exists(folder.identityFile)
    precondition(origin == nil || !isThere, "\(path) holds a log already")
    let identity: LogIdentity
    do throws(CommitLogError) {
      identity =
        isThere
        ? try folder.readIdentity(disk) : try LogEngine.create(folder, disk, options, origin)
    } catch {
      throw error.naming(CommitLogError.repairRemedy)
    }
    let logFolder = folder.logFolder(identity.logInstanceID)
    if let tail = try restart(logFolder) {
      try LogEngine.finishRestart(behind: tail, identity, disk, logFolder, options)
    }
    var recovery = try Recovery(
      disk, folder: logFolder, identity: identity, options: options)
    let writer = try recovery.run(lock: lock)
    let after = disk.readCounter.statistics
    openStatistics = ReadStatistics(
      reads: after.reads - before.reads, bytes: after.bytes - before.bytes)
    self.identity = identity
    self.options = options
    self.disk = disk
    self.folder = writer.folder
    box = writer.box
    self.writer = Mutex(writer)
  }

  /// An empty log. The identity comes last: without it the folder does not count.
  private static func create(
    _ folder: DataFolder, _ disk: D, _ options: CommitLog.Options, _ origin: LogOrigin?
  ) throws(CommitLogError) -> LogIdentity {
    try folder.checkUnused(disk)
    let identity = origin?.identity ?? options.newIdentity()
    let start = origin?.meta ?? LogMeta()
    let logFolder = folder.logFolder(identity.logInstanceID)
    try disk.makeFolder(logFolder)
    let header = SegmentHeader(
      identity: identity, baseOffset: start.nextOffset, firstIndex: start.firstIndex,
      termBefore: start.lastTerm)
    let name = Segment<D.File>.name(
      baseOffset: header.baseOffset, firstIndex: header.firstIndex, sharesBase: false)
    let meta = try disk.create(DataFolder.metaFile(in: logFolder))
    _ = try MetaFile(creating: meta, logInstanceID: identity.logInstanceID, start)
    _ = try LogWriter.makeSegment(header, name: name, disk, logFolder, options)
    try disk.syncFolder(logFolder)
    try disk.syncFolder(folder.logsFolder)
    try folder.writeIdentity(identity, disk)
    return identity
  }

  /// Makes the data folder `folder`, which is this log's, one of another cluster; durable on return. The log itself goes by
  /// the old id until it is opened again.
  package func writeIdentity(
    of cluster: UniqueID, folder: String
  ) throws(CommitLogError) {
    var renamed = identity
    renamed.clusterID = cluster
    try DataFolder(path: folder).writeIdentity(renamed, disk)
  }

  var currentView: LogView<D.File> { box.current }
  /// Where the log's own files lie.
  package let folder: String

  package var tail: LogTail { box.current.tail }
  package var offsets: Range<UInt64> { box.current.offsets }
  package var segmentCount: Int { box.current.segments.count }
  package var sizeBytes: UInt64 { box.current.segments.reduce(0) { $0 + $1.end } }

  /// The log time of the oldest entry that is kept; nil for an empty log.
  package func firstLogTime() throws(CommitLogError) -> UInt64? {
    try consistently { (view) throws(CommitLogError) in
      guard let segment = view.segments.first(where: { !$0.isEmpty }) else { return nil }
      return try segment.frame(at: 0).header.logTime
    }
  }

  /// Runs a look-up again when the log was cut under it.
  func consistently<Value>(
    _ body: (LogView<D.File>) throws(CommitLogError) -> Value
  ) throws(CommitLogError) -> Value {
    while true {
      let view = box.current
      if view.isClosed { throw .closed }
      do throws(CommitLogError) {
        return try body(view)
      } catch {
        guard box.current.epoch != view.epoch else { throw error }
      }
    }
  }

  // MARK: Writing

  /// Appends one batch as one frame; on disk on return.
  package func append(_ records: [Record]) throws(CommitLogError) -> Range<UInt64> {
    guard !records.isEmpty else { throw .emptyBatch }
    let size = records.reduce(0) { $0 + $1.sizeBound }
    let batch = FrameBatch(capacity: size + FrameHeader.size)
    return try writer.withLock { (writer) throws(CommitLogError) in
      try writer.checkWritable()
      let tail = writer.view.tail
      batch.begin(
        kind: .data, index: tail.nextIndex, term: max(1, tail.lastTerm),
        baseOffset: tail.nextOffset, logTime: max(options.clock(), tail.lastLogTime),
        commitMark: tail.commitMark, maxTimestampSoFar: tail.maxTimestamp)
      for record in records { batch.append(record) }
      guard batch.openBodyBytes <= FrameHeader.maxBodyBytes else {
        throw .batchTooLarge(bytes: batch.openBodyBytes, limit: FrameHeader.maxBodyBytes)
      }
      batch.end()
      if let error = writer.write([batch]).error { throw error }
      return tail.nextOffset..<tail.nextOffset + UInt64(records.count)
    }
  }

  /// Writes whole batches in order, as few writes and syncs as segments allow: how many are durable, and why not all.
  ///
  /// - Parameter committed: entries up to here are known to be acknowledged, as for `noteCommitted`.
  package func write(
    _ batches: [FrameBatch], committed: UInt64 = 0
  ) -> (written: Int, error: CommitLogError?) {
    writer.withLock { $0.write(batches, committed: committed) }
  }

  package func noteCommitted(_ index: UInt64) { writer.withLock { $0.noteCommitted(index) } }

  package func truncateSuffix(from offset: UInt64) throws(CommitLogError) {
    try writer.withLock { (writer) throws(CommitLogError) in
      try writer.truncateSuffix(from: offset)
    }
  }

  package func truncateSuffix(fromIndex index: UInt64) throws(CommitLogError) {
    try writer.withLock { (writer) throws(CommitLogError) in
      try writer.truncateSuffix(fromIndex: index)
    }
  }

  package func truncatePrefix(before offset: UInt64) throws(CommitLogError) {
    try writer.withLock { (writer) throws(CommitLogError) in
      try writer.truncatePrefix(before: offset)
    }
  }

  /// Runs `body` as the one writer.
  func changing<Value: Sendable>(
    _ body: (inout LogWriter<D>) throws(CommitLogError) -> Value
  ) throws(CommitLogError) -> Value {
    try writer.withLock { (writer) throws(CommitLogError) in try body(&writer) }
  }

  package func close() throws(CommitLogError) {
    try writer.withLock { (writer) throws(CommitLogError) in try writer.close() }
  }

  // MARK: Look-ups

  /// The first record whose batch was appended at `time` or later.
  package func offset(atLogTime time: UInt64) throws(CommitLogError) -> UInt64? {
    try consistently { (view) throws(CommitLogError) in
      guard let frame = try view.firstFrame(where: { $0.logTime >= time }) else { return nil }
      let offset = max(frame.header.baseOffset, view.startOffset)
      return offset < view.tail.nextOffset ? offset : nil
    }
  }

  /// The first record at which the running maximum of record timestamps reaches `timestamp`. Where removed batches had
  /// reached it: the first such record of the first batch kept, else the first record kept.
  package func offset(
    at timestamp: UInt64
  ) throws(CommitLogError) -> (offset: UInt64, timestamp: UInt64)? {
    try consistently { (view) throws(CommitLogError) in
      guard view.tail.maxTimestamp >= timestamp, !view.offsets.isEmpty,
        var frame = try view.firstFrame(where: { $0.maxTimestamp >= timestamp })
      else { return nil }
      let start = view.startOffset
      if frame.header.nextOffset <= start {
        // Removed, though its bytes may still be there: the answer must not depend on that.
        frame = try view.segments[view.segment(ofOffset: start)].frame(holding: start)
      }
      let reader = EngineReader(self)
      var found: (offset: UInt64, timestamp: UInt64)?
      try reader.records(
        from: max(frame.header.baseOffset, start), to: frame.header.nextOffset
      ) { (record) in
        guard found == nil, record.timestamp >= timestamp else { return }
        found = (record.offset, record.timestamp)
      }
      if let found { return found }
      try reader.records(from: start, to: start + 1) { (record) in
        found = (record.offset, record.timestamp)
      }
      return found
    }
  }
}

extension LogView {
  /// The first frame that fits, by halving: those that fit come last.
  func firstFrame(
    where fits: (FrameHeader) -> Bool
  ) throws(CommitLogError) -> FramePlace? {
    var low = firstIndex
    var high = tail.nextIndex
    var found: FramePlace?
    while low < high {
      let middle = low + (high - low) / 2
      let segment = segments[segment(ofIndex: middle)]
      let place = try segment.frame(at: Int(middle - segment.firstIndex))
      if fits(place.header) {
        found = place
        high = middle
      } else {
        low = middle + 1
      }
    }
    return found
  }
}

extension Record {
  /// At least the bytes this takes in a frame.
  fileprivate var sizeBound: Int {
    headers.reduce(value.count + key.count + RecordFormat.maxOverhead) {
      $0 + $1.name.utf8.count + $1.value.count + 30
    }
  }
}

extension FrameBatch {
  /// Adds a record; offset and term are the frame's.
  package func append(_ record: Record) {
    record.withFields { append($0) }
  }
}

extension Record {
  /// Its fields as they are to be written; valid for the time of the call.
  package func withFields(_ body: (RecordFields) -> Void) {
    let headers = headers.isEmpty ? [] : RecordFormat.encode(headers)
    value.withUnsafeBytes { value in
      key.withUnsafeBytes { key in
        headers.withUnsafeBytes { headers in
          body(
            RecordFields(
              value: value, key: key, headers: headers, timestamp: timestamp, crc32c: crc32c))
        }
      }
    }
  }
}
