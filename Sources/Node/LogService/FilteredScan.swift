import CommitLog
import LogAPI

/// Reads for consumers whose records have to be looked into, on a thread of its own.
///
/// A filter that little passes reads all of the log for a few messages. On an event loop that would
/// hold up everybody else who is served there, and one turn for each of many such scans is as bad as
/// one long turn.
final class FilteredScan: @unchecked Sendable {  // `reader` is used on `thread` only
  /// Runs read in one go; then the next scan has its turn.
  private static let mostRuns = 32

  /// What a part of a scan came to.
  struct Part: Sendable {
    var cursor: LogCursor
    /// What passed the filter, and the offset behind the last record looked at.
    var records: [LogAPI.Record] = []
    var nextOffset: UInt64
    /// The first record at or after the stop time was met.
    var hasStopped = false
    var failure: CommitLogError?
  }

  private let thread: DiskThread
  private let log: CommitLog
  private var reader: RunGatherer?

  init(_ log: CommitLog, on thread: DiskThread) {
    self.log = log
    self.thread = thread
  }

  /// Reads on from the cursor until records pass, or for a while; `done` runs on the thread.
  func run(
    from cursor: LogCursor, _ limits: RunGatherer.Limits, _ filter: RecordFilter,
    _ done: @escaping @Sendable (Part) -> Void
  ) {
    thread.run { [self] in done(part(from: cursor, limits, filter)) }
  }

  private func part(
    from cursor: LogCursor, _ limits: RunGatherer.Limits, _ filter: RecordFilter
  ) -> Part {
    let reader = reader ?? RunGatherer(LogReader(log: log))
    self.reader = reader
    var part = Part(cursor: cursor, nextOffset: cursor.nextOffset)
    do throws(CommitLogError) {
      for _ in 0..<Self.mostRuns {
        let outcome = try reader.read(&part.cursor, limits, mayBlock: true) { run in
          let found = filter.apply(run) { part.records.append($0) }
          part.nextOffset = found.nextOffset
          part.hasStopped = found.hasStopped
        }
        guard outcome == .run, part.records.isEmpty, !part.hasStopped else { break }
      }
    } catch {
      part.failure = error
    }
    return part
  }
}
