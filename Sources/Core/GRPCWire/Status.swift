package import Protobuf

/// The end of a call: a code, a sentence for people, and details for programs.
package struct Status: Error, Equatable, Sendable {
  package var code: StatusCode
  package var message: String
  /// A serialized google.rpc.Status, the value of `grpc-status-details-bin`; empty when there is none.
  package var details: [UInt8]

  /// The domain of every reason this project gives.
  package static let domain = "distlog"

  package static let ok = Status(.ok, "")

  /// A status without details.
  package init(_ code: StatusCode, _ message: String) {
    self.init(code, message, details: [])
  }

  /// A status as it came from a peer.
  package init(_ code: StatusCode, _ message: String, details: [UInt8]) {
    self.code = code
    self.message = message
    self.details = details
  }

  /// A status with an `ErrorInfo` and what else is given.
  ///
  /// - Parameters:
  ///   - reason: an upper-case word that programs act on, "OFFSET_OUT_OF_RANGE".
  ///   - violations: which fields of the request are wrong, and how.
  ///   - retryAfter: how long to wait before trying again.
  ///   - localized: a sentence for the end user, in English.
  package init(
    _ code: StatusCode, _ message: String, reason: String, metadata: [(String, String)] = [],
    violations: [(field: String, description: String)] = [], retryAfter: Duration? = nil,
    localized: String? = nil
  ) {
    var status = StatusDetails(code: Int32(truncatingIfNeeded: code.rawValue), message: message)
    status.details.append(
      AnyMessage(
        packing: ErrorInfo(reason: reason, domain: Self.domain, metadata: StringMap(metadata))))
    if !violations.isEmpty {
      let fields = violations.map {
        BadRequest.FieldViolation(field: $0.field, description: $0.description)
      }
      status.details.append(AnyMessage(packing: BadRequest(fieldViolations: fields)))
    }
    if let retryAfter {
      status.details.append(
        AnyMessage(packing: RetryInfo(retryDelay: DurationMessage(retryAfter))))
    }
    if let localized {
      status.details.append(
        AnyMessage(packing: LocalizedMessage(locale: "en-US", message: localized)))
    }
    self.init(code, message, details: status.serialized())
  }

  /// The `ErrorInfo` among the details; nil when there is none that can be read.
  package func errorInfo() -> ErrorInfo? { detail() }

  /// How long the peer asks to wait before another attempt.
  package func retryDelay() -> Duration? {
    let info: RetryInfo? = detail()
    return info?.retryDelay?.duration
  }

  /// The first detail of a type.
  ///
  /// Details come from a peer and are only advice: ones that cannot be read count as absent.
  package func detail<Message: ProtobufMessage>() -> Message? {
    guard !details.isEmpty else { return nil }
    guard let status = try? StatusDetails(serialized: details) else { return nil }
    for any in status.details where any.isA(Message.self) {
      return try? Message(serialized: any.value)
    }
    return nil
  }
}

extension Status: CustomStringConvertible {
  package var description: String {
    let reason = errorInfo().map { " (\($0.reason))" } ?? ""
    return message.isEmpty ? "\(code)\(reason)" : "\(code)\(reason): \(message)"
  }
}
