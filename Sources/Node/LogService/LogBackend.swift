package import CommitLog

/// What the log service needs from a log: a place to hand requests to, and what may be read.
///
/// One node answers it by its own disk (`SingleNodeBackend`); a replicated one by its quorum.
package protocol LogBackend: AnyObject, Sendable {
  /// The files to read from.
  var log: CommitLog { get }
  /// The next offset to be given out: readers may see everything below it. Any thread.
  var committedEnd: UInt64 { get }
  /// The term of the acknowledgements given now.
  var term: UInt64 { get }
  /// Nil while appends are accepted, otherwise why they are not. Any thread.
  var writeFailure: LogFailure? { get }
  /// Takes requests; they come back to `loop`, in their order, through `ServiceLoop.resolve`. Call
  /// it on `loop`.
  func submit(_ submission: Submission, from loop: ServiceLoop)
}

/// Why records were not acknowledged.
package enum LogFailure: Error, Equatable, Sendable {
  /// Not written: the disk has no room.
  case diskFull(file: String)
  /// Not written: the server has no descriptor left for a file of the log.
  case outOfFiles(file: String)
  /// A write failed or may have failed: the records may or may not be there after a restart.
  case outcomeUnknown(reason: String)
  /// Not written: an earlier write failed and the log takes no more.
  case fenced(reason: String)
  /// Not written: the server holds as many unwritten bytes as it may.
  case overloaded(limit: Int)
  /// Not written: the server is stopping.
  case draining
}
