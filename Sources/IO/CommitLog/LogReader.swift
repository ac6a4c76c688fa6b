/// Reads stored records for the consumers of one thread; see `EngineReader`.
package final class LogReader {
  private let reader: EngineReader<LinuxDisk>

  package init(log: CommitLog) {
    reader = EngineReader(log.engine)
  }

  /// Gives a run of whole stored records from the cursor on, none at or past `limit`, at most `maxRecords` and `maxBytes`,
  /// but at least one, and moves the cursor behind them. The bytes are valid until `body` returns.
  package func read(
    _ cursor: inout LogCursor, limit: UInt64, maxRecords: Int, maxBytes: Int, mayBlock: Bool,
    _ body: (RecordRun) throws(CommitLogError) -> Void
  ) throws(CommitLogError) -> ReadOutcome {
    try reader.read(
      &cursor, limit: limit, maxRecords: maxRecords, maxBytes: maxBytes, mayBlock: mayBlock, body)
  }
}
