internal import GRPCWire
internal import Protobuf

/// Why something asked of a log did not happen, or may have happened.
public struct DistlogError: Error, Sendable, Equatable {
  /// Where it failed.
  public enum Origin: Sendable, Equatable {
    /// No server answered: names, addresses, ports, firewalls.
    case unreachable
    /// TLS: certificates, versions, names.
    case secureConnection
    /// A setting or a certificate file of this side cannot be used.
    case configuration
    /// The peer broke the protocol, or speaks another.
    case protocolViolation
    /// A server refused, or could not do it; `code` and `reason` say why.
    case server
    /// This side ended it: a deadline, a cancellation, a limit.
    case client
  }

  /// On which side of the wire it went wrong.
  public var origin: Origin
  /// A gRPC code by its name, "OUT_OF_RANGE".
  public var code: String
  /// A finer word that programs act on, "OFFSET_OUT_OF_RANGE"; the code where there is none.
  public var reason: String
  /// A sentence for people.
  public var message: String
  /// Numbers and names that belong to the reason, {"offset": "7", "end": "5"}.
  public var metadata: [String: String]
  /// What may help; nil when nothing is known to.
  public var hint: String?
  /// How long the server asks to wait before another attempt.
  public var retryAfter: Duration?
  /// Whether records that were sent may or may not be in the log.
  public var isOutcomeUnknown: Bool

  /// An error as the library makes them; for tests of code that handles them.
  public init(
    _ origin: Origin, code: String, reason: String? = nil, _ message: String,
    metadata: [String: String] = [:], hint: String? = nil, retryAfter: Duration? = nil,
    isOutcomeUnknown: Bool = false
  ) {
    self.origin = origin
    self.code = code
    self.reason = reason ?? code
    self.message = message
    self.metadata = metadata
    self.hint = hint
    self.retryAfter = retryAfter
    self.isOutcomeUnknown = isOutcomeUnknown
  }
}

extension DistlogError: CustomStringConvertible {
  public var description: String { "\(reason): \(message)" }
}

extension DistlogError {
  init(_ status: Status) {
    let info = status.errorInfo()
    let reason = info.map(\.reason) ?? ""
    self.init(
      .server, code: status.code.name, reason: reason.isEmpty ? nil : reason,
      status.message.isEmpty ? "the server answered \(status.code.name)" : status.message,
      metadata: Dictionary(
        (info?.metadata.pairs ?? []).map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }),
      retryAfter: status.retryDelay(), isOutcomeUnknown: reason == "OUTCOME_UNKNOWN")
    hint = Self.hint(for: self)
  }

  /// A failure told inside a stream, or put together from its parts.
  private static func hint(for error: DistlogError) -> String? {
    switch error.reason {
    case "OFFSET_OUT_OF_RANGE": "read from an earlier offset, or wait for new records"
    case "OFFSET_TRUNCATED": "read from the earliest record, or skip what is lost"
    case "ACL_DENIED": "the server's policy has no rule that allows this subject to do it"
    case "DRAINING": "the server is stopping: try again, or another server"
    case "CHANGE_OUTCOME_UNKNOWN": "`servers` tells whether it is"
    case "OUTCOME_UNKNOWN": "the records may be in the log: look before sending them again"
    case "DISK_FULL": "nothing was written; it can be tried again when the server has space"
    case "TOO_MANY_FILES":
      "nothing was written; it can be tried again, and the server needs a higher limit of open files"
    case "RATE_LIMITED": "nothing was written; try again a little later"
    case "RECORD_TOO_LARGE": "split the record, or raise the server's logs.maxRecordBytes"
    case "MESSAGE_TOO_LARGE": "send fewer or smaller records in a request"
    case "NOT_LEADER": "ask the server that it names; the client does so by itself"
    case "NO_LEADER": "a majority of the servers must be up and reach each other"
    case "NOT_READY": "it waits for the other servers that are to form the cluster"
    case "OFFSET_MISMATCH": "somebody else has appended: look at what, then expect the next offset"
    case "PRODUCER_FENCED": "another producer of this name is at work"
    case "LOG_NOT_FOUND": "`log list` shows the logs"
    default:
      switch error.code {
      case "UNIMPLEMENTED": "the server does not know this call: is it of an older version?"
      default: nil
      }
    }
  }

  static func malformedAnswer(_ message: String, _ error: ProtobufError) -> DistlogError {
    DistlogError(
      .protocolViolation, code: "INTERNAL", reason: "MALFORMED_ANSWER",
      "the server's answer is not a valid \(message) (\(error))")
  }

  static let cancelled = DistlogError(.client, code: "CANCELLED", "cancelled")

  static let closed = DistlogError(.client, code: "CANCELLED", reason: "CLOSED", "it was closed")

  static func timedOut(_ what: String, after timeout: Duration) -> DistlogError {
    DistlogError(
      .client, code: "DEADLINE_EXCEEDED", "\(what) within \(timeout)",
      hint: "the server may be overloaded or its disk slow; a longer timeout may help")
  }
}
