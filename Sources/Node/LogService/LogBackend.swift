package import CommitLog
package import LogAPI

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
  /// Who the servers are; `about` is this one. Any thread.
  func servers(_ about: ServerDescription, address: String) -> GetServersResponse
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
  /// Not written: another server leads.
  case notLeader(id: String, address: String, term: UInt64)
  /// Not written: no server leads as far as this one knows.
  case noLeader
  /// In this server's log when it ceased to lead: the record may be in the next leader's log or not.
  case leadershipLost(term: UInt64, index: UInt64)
}
