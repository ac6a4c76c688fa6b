package import CommitLog
package import LogAPI
package import RaftAPI
package import RaftNode

/// What the log service needs from a log: a place to hand requests to, and what may be read.
///
/// `RaftBackend` answers it by a majority of disks.
package protocol LogBackend: AnyObject, Sendable {
  /// The files to read from.
  var log: CommitLog { get }
  /// The next offset to be given out: readers may see everything below it. Any thread.
  var committedEnd: UInt64 { get }
  /// The term of the acknowledgements given now.
  var term: UInt64 { get }
  /// Who the servers are; `about` is this one. Any thread.
  func servers(_ about: ServerDescription, address: String) -> GetServersResponse
  /// Returns when all that was acknowledged before the call may be read here; false where no leader could be asked.
  func catchUp() async -> Bool
  /// Gives a producer its id, or a named one that exists its next epoch.
  func initProducer(subject: String, name: String) async -> Result<
    (id: UInt64, epoch: UInt32), LogFailure
  >
  /// Damage was met. Any thread.
  func noteDamage(_ error: CommitLogError)
  /// What is to be kept, in effect.
  var retention: Retention { get }
  /// Sets what is to be kept, on every server; nil when it is done.
  func setRetention(_ settings: LogSettings) async -> LogFailure?
  /// Makes the log begin with the record `offset`, on every server; nil when it is done here.
  func truncate(before offset: UInt64) async -> LogFailure?
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
  /// Not written: it does not follow from what its producer has written.
  case producer(ProducerRefusal)
  /// Not written: too many entries of its producer are uncommitted.
  case producerTooFast
  /// Not written: the log's next offset is another than the expected one.
  case offsetMismatch(next: UInt64)
  /// In this server's log when it ceased to lead: the record may be in the next leader's log or not.
  case leadershipLost(term: UInt64, index: UInt64)
}

extension LogFailure {
  /// What a failed write means for the records in it.
  init(of error: CommitLogError) {
    switch error {
    case .diskFull(let file): self = .diskFull(file: file)
    case .outOfFiles(let file): self = .outOfFiles(file: file)
    case .closed: self = .fenced(reason: "\(error)")
    default: self = .outcomeUnknown(reason: "\(error)")
    }
  }
}

/// Carries a value that one thread at a time owns across a hand-over.
struct UncheckedBox<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}
