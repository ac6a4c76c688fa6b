internal import GRPCWire
internal import RPC

extension DistlogError {
  init(_ error: RPCError) {
    switch error {
    case .status(let status): self.init(status)
    case .cancelled: self = .cancelled
    case .connect(_, _, let failure, let reason): self.init(failure, reason)
    }
  }

  private init(_ failure: RPCError.ConnectFailure, _ reason: String) {
    switch failure {
    case .tls:
      self.init(.secureConnection, code: "UNAVAILABLE", reason: "TLS_FAILED", reason)
    case .protocol:
      self.init(.protocolViolation, code: "UNAVAILABLE", reason: "NOT_DISTLOG", reason)
    case .closed:
      self = .closed
    case .dns, .tcp, .timeout:
      self.init(.unreachable, code: "UNAVAILABLE", reason: "UNREACHABLE", reason)
    }
  }

  /// How a call ended that should have gone on, or did not go well.
  init(_ status: Status, of call: ClientCall) {
    if let connectError = call.connectError {
      self.init(connectError)
    } else {
      self.init(status)
      if status.errorInfo() == nil, status.code == .unavailable {
        origin = .unreachable
        reason = "CONNECTION_LOST"
      }
    }
  }

  /// Whether nothing was done because another server is to be asked, or this one later.
  var hasWrongServer: Bool {
    ["NOT_LEADER", "NO_LEADER", "NOT_READY", "DRAINING", "CHANGE_IN_PROGRESS"].contains(reason)
      && origin == .server
  }

  /// Whether an idempotent producer goes on after it, elsewhere or later.
  var isPassing: Bool {
    isConnectionTrouble || reason == "OUTCOME_UNKNOWN" || reason == "RATE_LIMITED"
  }

  /// Whether a read may simply be made again, here or at another server.
  var isConnectionTrouble: Bool {
    origin == .unreachable || (code == "UNAVAILABLE" && origin == .server)
  }
}
