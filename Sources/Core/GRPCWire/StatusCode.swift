/// How a call ended, as a number that every gRPC implementation knows.
///
/// Source: gRPC "Status codes and their use". Open: a peer may send a number that is not listed.
package struct StatusCode: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt32

  package init(rawValue: UInt32) { self.rawValue = rawValue }

  private init(_ rawValue: UInt32) { self.rawValue = rawValue }

  package static let ok = StatusCode(0)
  package static let cancelled = StatusCode(1)
  package static let unknown = StatusCode(2)
  package static let invalidArgument = StatusCode(3)
  package static let deadlineExceeded = StatusCode(4)
  package static let notFound = StatusCode(5)
  package static let alreadyExists = StatusCode(6)
  package static let permissionDenied = StatusCode(7)
  package static let resourceExhausted = StatusCode(8)
  package static let failedPrecondition = StatusCode(9)
  package static let aborted = StatusCode(10)
  package static let outOfRange = StatusCode(11)
  package static let unimplemented = StatusCode(12)
  package static let `internal` = StatusCode(13)
  package static let unavailable = StatusCode(14)
  package static let dataLoss = StatusCode(15)
  package static let unauthenticated = StatusCode(16)

  /// As the gRPC documents write it: "INVALID_ARGUMENT".
  package var name: String {
    guard rawValue < Self.names.count else { return "CODE_\(rawValue)" }
    return Self.names[Int(rawValue)]
  }

  private static let names = [
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
  ]
}

extension StatusCode: CustomStringConvertible {
  package var description: String { name }
}
