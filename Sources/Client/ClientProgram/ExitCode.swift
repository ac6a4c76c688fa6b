/// What the program tells its caller by its exit code: an interface that scripts rely on.
package enum ExitCode: Int32, CaseIterable, Sendable {
  case success = 0
  case failure = 1
  case unhealthy = 10
  case offsetOutOfRange = 11
  case precondition = 12
  case usage = 64
  case noServer = 69
  case internalError = 70
  case localIO = 74
  case temporary = 75
  case protocolError = 76
  case permissionDenied = 77
  case configuration = 78
  case interrupted = 130

  package var meaning: String {
    switch self {
    case .success: "done; also when the reader of the output has gone away (consume | head)"
    case .failure: "a failure that is not listed here"
    case .unhealthy: "what was looked at is not well"
    case .offsetOutOfRange: "the offset is out of range, or is no longer kept"
    case .precondition: "a precondition does not hold"
    case .usage: "wrong usage: an unknown flag, a value that cannot be read"
    case .noServer: "no server could be reached"
    case .internalError: "a defect of the server or of this program"
    case .localIO: "a local file or stream could not be read or written"
    case .temporary: "temporary, trying again may help: a deadline passed, the server is stopping"
    case .protocolError: "TLS failed, or the peer does not speak the protocol"
    case .permissionDenied: "permission denied"
    case .configuration: "a setting is wrong or missing, or a certificate file cannot be used"
    case .interrupted: "interrupted (Ctrl-C or SIGTERM); a second time ends it at once"
    }
  }

  /// Every code with its meaning, a line each.
  package static var table: String {
    allCases.map { code in
      let number = String(code.rawValue)
      return String(repeating: " ", count: 5 - number.count) + number + "  " + code.meaning
    }.joined(separator: "\n")
  }
}
