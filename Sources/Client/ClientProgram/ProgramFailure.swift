package import DistlogClient
internal import Glibc

/// Why the program ends without success: what it says, and its exit code.
package struct ProgramFailure: Error, Equatable, Sendable {
  package var exitCode: ExitCode
  /// An upper-case word for programs.
  package var code: String
  package var message: String
  package var hint: String?
  package var metadata: [String: String] = [:]
  package var isOutcomeUnknown = false

  package init(_ exitCode: ExitCode, code: String, _ message: String, hint: String? = nil) {
    self.exitCode = exitCode
    self.code = code
    self.message = message
    self.hint = hint
  }

  package init(_ error: DistlogError) {
    self.init(ExitCode(error), code: error.reason, error.message, hint: error.hint)
    metadata = error.metadata
    isOutcomeUnknown = error.isOutcomeUnknown
  }

  /// A local file or stream that failed, with the operating system's reason.
  package static func io(_ what: String, errno code: Int32) -> ProgramFailure {
    ProgramFailure(.localIO, code: "LOCAL_IO", "\(what): \(String(cString: strerror(code)))")
  }

  /// As it is shown: a sentence and perhaps a hint, a line each, or one JSON object.
  package func text(asJSON: Bool, colour: Bool = false) -> String {
    guard asJSON else {
      let label = colour ? "\u{1B}[1;31merror:\u{1B}[0m" : "error:"
      return "\(label) \(message)\n" + (hint.map { "hint: \($0)\n" } ?? "")
    }
    var error = JSONObject()
    error.set("code", code)
    error.set("message", message)
    if let hint { error.set("hint", hint) }
    if isOutcomeUnknown { error.set("outcomeUnknown", true) }
    if !metadata.isEmpty {
      var pairs = JSONObject()
      for (name, value) in metadata.sorted(by: { $0.key < $1.key }) { pairs.set(name, value) }
      error.set("metadata", pairs)
    }
    var object = JSONObject()
    object.set("error", error)
    return object.text + "\n"
  }
}

extension ExitCode {
  /// The one place where errors become exit codes.
  package init(_ error: DistlogError) {
    switch error.origin {
    case .unreachable:
      // What was sent before may be in the log: that is not as if nobody had been there.
      self = error.isOutcomeUnknown || error.reason == "CONNECTION_LOST" ? .temporary : .noServer
    case .secureConnection, .protocolViolation: self = .protocolError
    case .configuration: self = .configuration
    case .server, .client: self = Self.of(code: error.code, reason: error.reason)
    }
  }

  private static func of(code: String, reason: String) -> ExitCode {
    switch code {
    case "OUT_OF_RANGE": .offsetOutOfRange
    case "FAILED_PRECONDITION": .precondition
    case "PERMISSION_DENIED", "UNAUTHENTICATED": .permissionDenied
    case "UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED": .temporary
    case "RESOURCE_EXHAUSTED": reason == "MESSAGE_TOO_LARGE" ? .failure : .temporary
    case "INTERNAL": .internalError
    case "UNIMPLEMENTED": .protocolError
    default: .failure
    }
  }
}
