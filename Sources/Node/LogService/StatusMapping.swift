import CommitLog
import GRPCWire
import LogAPI
import Protobuf
import RaftNode

// The one place where errors become gRPC statuses.

extension Status {
  static let deadlineExceeded = Status(
    .deadlineExceeded, "the deadline passed", reason: "DEADLINE_EXCEEDED")

  static let outcomeUnknownAtDeadline = Status(
    .deadlineExceeded,
    "the deadline passed while the record was on its way to disk: it may be in the log",
    reason: "OUTCOME_UNKNOWN")

  static let outcomeUnknownWhenStopping = Status(
    .aborted,
    "the server stopped while the record was on its way to disk: it may be in the log",
    reason: "OUTCOME_UNKNOWN")

  static let draining = Status(
    .unavailable, "the server is stopping: connect again", reason: "DRAINING",
    retryAfter: .seconds(1))

  static let noLeaderToAsk = Status(
    .unavailable, "no leader could be asked how far the log is committed", reason: "NO_LEADER",
    retryAfter: .milliseconds(200))

  static func invalid(_ field: String, _ description: String) -> Status {
    Status(
      .invalidArgument, "\(field): \(description)", reason: "INVALID_ARGUMENT",
      violations: [(field: field, description: description)])
  }

  static func undecodable(_ message: String, _ error: ProtobufError) -> Status {
    Status(
      .invalidArgument, "the request is not a valid \(message): \(error)",
      reason: "MALFORMED_MESSAGE")
  }

  static func recordTooLarge(size: Int, limit: Int) -> Status {
    Status(
      .invalidArgument, "a record of \(size) bytes is over the log's limit of \(limit)",
      reason: "RECORD_TOO_LARGE", metadata: [("limit", "\(limit)"), ("size", "\(size)")])
  }

  static func checksumMismatch(given: UInt32, computed: UInt32, field: String) -> Status {
    Status(
      .invalidArgument,
      "\(field): the record's checksum is \(given), its bytes give \(computed): it was damaged"
        + " on the way, or the checksum is not CRC32C over value, key and headers",
      reason: "CHECKSUM_MISMATCH",
      metadata: [("given", "\(given)"), ("computed", "\(computed)")])
  }

  /// - Parameter field: the request's field that held the name.
  static func noSuchLog(_ name: String, field: String = "log") -> Status {
    guard LogName.isValid(name) else {
      return .invalid(field, "a log's name is 1 to 128 of A-Z a-z 0-9 . _ -, not . or ..")
    }
    return Status(
      .notFound, "no log \"\(name)\": this server holds the log \"default\" only",
      reason: "LOG_NOT_FOUND", metadata: [("log", name)])
  }

  static func offsetOutOfRange(offset: UInt64, available: Range<UInt64>) -> Status {
    let message =
      "offset \(offset) is out of range: the log holds \(available.lowerBound) ..<"
      + " \(available.upperBound)"
    return Status(
      .outOfRange, message, reason: "OFFSET_OUT_OF_RANGE",
      metadata: [
        ("offset", "\(offset)"), ("start", "\(available.lowerBound)"),
        ("end", "\(available.upperBound)"),
      ],
      localized: "The requested offset is outside the log's range: \(offset)")
  }

  static func offsetTruncated(offset: UInt64, start: UInt64) -> Status {
    Status(
      .outOfRange, "offset \(offset) is no longer kept: the log starts at \(start)",
      reason: "OFFSET_TRUNCATED", metadata: [("offset", "\(offset)"), ("start", "\(start)")])
  }

  static func aclDenied(subject: String, action: String, object: String) -> Status {
    Status(
      .permissionDenied, "\(subject) not permitted to \(action) to \(object)",
      reason: "ACL_DENIED",
      metadata: [("subject", subject), ("action", action), ("object", object)])
  }

  static func consumerStalled(nextOffset: UInt64, after limit: Duration) -> Status {
    Status(
      .aborted, "nothing was read for \(limit): go on at offset \(nextOffset)",
      reason: "CONSUMER_STALLED", metadata: [("next_offset", "\(nextOffset)")])
  }

  static func backupStalled(after limit: Duration) -> Status {
    Status(
      .aborted, "nothing was read for \(limit): take the backup again", reason: "BACKUP_STALLED")
  }

  init(_ failure: LogFailure) {
    switch failure {
    case .diskFull(let file):
      self.init(
        .resourceExhausted, "the disk is full (\(file)): nothing was written", reason: "DISK_FULL",
        retryAfter: .seconds(5))
    case .outOfFiles(let file):
      self.init(
        .resourceExhausted, "the server has too many files open (\(file)): nothing was written",
        reason: "TOO_MANY_FILES", retryAfter: .seconds(5))
    case .outcomeUnknown(let reason):
      self.init(
        .aborted, "the write failed, the record may or may not be in the log: \(reason)",
        reason: "OUTCOME_UNKNOWN")
    case .fenced(let reason):
      self.init(
        .unavailable, "this server takes no more records after a failed write: \(reason)",
        reason: "STORAGE_FAILED")
    case .overloaded(let limit):
      self.init(
        .resourceExhausted, "\(limit) bytes wait for the disk already: nothing was written",
        reason: "RATE_LIMITED", retryAfter: .milliseconds(100))
    case .draining:
      self = .draining
    case .notLeader(let id, let address, let term):
      self.init(
        .unavailable, "this server does not lead; \(id) at \(address) does: nothing was written",
        reason: "NOT_LEADER",
        metadata: [("leader_id", id), ("leader_addr", address), ("term", "\(term)")])
    case .noLeader:
      self.init(
        .unavailable, "no server leads at the moment: nothing was written", reason: "NO_LEADER",
        retryAfter: .milliseconds(200))
    case .offsetMismatch(let next):
      self.init(
        .failedPrecondition,
        "the log's next offset is \(next), not the expected one: nothing was written",
        reason: "OFFSET_MISMATCH", metadata: [("next", "\(next)")])
    case .producerTooFast:
      self.init(
        .resourceExhausted, "too much of this producer is uncommitted: nothing was written",
        reason: "RATE_LIMITED", retryAfter: .milliseconds(100))
    case .producer(let why): self.init(why)
    case .leadershipLost(let term, let index):
      self.init(
        .aborted,
        "this server lost its leadership before the record was committed: it may or may not be in the log",
        reason: "OUTCOME_UNKNOWN", metadata: [("term", "\(term)"), ("index", "\(index)")])
    }
  }

  private init(_ why: ProducerRefusal) {
    switch why {
    case .unknown:
      self.init(
        .failedPrecondition,
        "the producer is not known, or its epoch is not: get an id by log.v1.Producers/InitProducer",
        reason: "PRODUCER_UNKNOWN")
    case .notYours:
      self.init(
        .permissionDenied, "the producer's id belongs to another subject", reason: "ACL_DENIED",
        metadata: [("action", "produce")])
    case .fenced(let epoch):
      self.init(
        .failedPrecondition, "another with the same producer name has epoch \(epoch) by now",
        reason: "PRODUCER_FENCED", metadata: [("epoch", "\(epoch)")])
    case .gap(let expected):
      self.init(
        .failedPrecondition, "requests of this producer are missing: sequence \(expected) is next",
        reason: "SEQUENCE_GAP", metadata: [("expected", "\(expected)")])
    case .tooOld:
      self.init(
        .failedPrecondition,
        "the request was appended too long ago, or never as it is: what became of it is not known any more",
        reason: "SEQUENCE_TOO_OLD")
    }
  }

  init(_ error: CommitLogError) {
    switch error {
    case .offsetOutOfRange(let offset, let available):
      self = .offsetOutOfRange(offset: offset, available: available)
    case .offsetTruncated(let offset, let start):
      self = .offsetTruncated(offset: offset, start: start)
    case .corrupt(let file, _, let offset, _):
      self.init(
        .dataLoss, "the record is damaged on disk: \(error)", reason: "RECORD_CORRUPT",
        metadata: [("offset", "\(offset)"), ("segment", file)])
    case .closed:
      self = .draining
    default:
      self.init(.unavailable, "the log cannot be read: \(error)", reason: "STORAGE_FAILED")
    }
  }
}

extension Failure {
  /// The in-stream form of a status.
  init(_ status: Status) {
    self.init()
    code = status.code.rawValue
    message = status.message
    guard let info = status.errorInfo() else { return }
    reason = info.reason
    metadata = info.metadata
  }
}
