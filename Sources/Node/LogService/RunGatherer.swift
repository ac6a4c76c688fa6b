import CommitLog

/// Joins the records of neighbouring frames into runs as long as a message may be.
///
/// The log's reader gives at most one frame's records at a time. A log written by many single
/// requests has small frames, and its consumers would get as many small messages.
///
/// Belongs to one event loop, whose consumers share its memory.
final class RunGatherer {
  /// What a consumer takes at most in one message.
  struct Limits {
    /// Records below this offset may be given.
    let offset: UInt64
    let records: Int
    let bytes: Int
  }

  private let reader: LogReader
  private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
  private var used = 0
  private var records = 0

  init(_ reader: LogReader) {
    self.reader = reader
  }

  deinit {
    memory.deallocate()
  }

  /// Gives `body` one run from the cursor on, and moves the cursor behind it.
  func read(
    _ cursor: inout LogCursor, _ limits: Limits, mayBlock: Bool, _ body: (RecordRun) -> Void
  ) throws(CommitLogError) -> ReadOutcome {
    let first = cursor.nextOffset
    used = 0
    records = 0
    let outcome = try reader.read(
      &cursor, limit: limits.offset, maxRecords: limits.records, maxBytes: limits.bytes,
      mayBlock: mayBlock
    ) { run throws(CommitLogError) in
      if isEnough(run, limits) { body(run) } else { take(run) }
    }
    guard outcome == .run, records > 0 else { return outcome }
    gather(&cursor, limits)
    body(
      RecordRun(
        bytes: UnsafeRawBufferPointer(rebasing: memory[..<used]), firstOffset: first,
        count: records))
    return .run
  }

  /// Takes further runs while they fit. What cannot be read now, or at all, is left to the next
  /// message, so that what was read is not lost by it.
  private func gather(_ cursor: inout LogCursor, _ limits: Limits) {
    while records < limits.records, used < limits.bytes {
      let before = cursor
      var fits = false
      let outcome = try? reader.read(
        &cursor, limit: limits.offset, maxRecords: limits.records - records,
        maxBytes: limits.bytes - used, mayBlock: false
      ) { run throws(CommitLogError) in
        fits = run.bytes.count <= limits.bytes - used
        if fits { take(run) }
      }
      guard outcome == .run, fits else {
        cursor = before
        return
      }
    }
  }

  /// A run that is worth a message of its own is passed on without a copy.
  private func isEnough(_ run: RecordRun, _ limits: Limits) -> Bool {
    run.bytes.count >= limits.bytes / 2 || run.count >= limits.records
      || run.firstOffset + UInt64(run.count) >= limits.offset
  }

  private func take(_ run: RecordRun) {
    let needed = used + run.bytes.count
    if needed > memory.count {
      let larger = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(needed, memory.count * 2), alignment: 16)
      larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<used]))
      memory.deallocate()
      memory = larger
    }
    UnsafeMutableRawBufferPointer(rebasing: memory[used..<needed]).copyMemory(from: run.bytes)
    used = needed
    records += run.count
  }
}
