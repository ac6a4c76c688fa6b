package import GRPCWire

/// Why a call has no result; each description is a sentence for people.
package enum RPCError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What could not be done on the way to a connection.
  package enum ConnectFailure: String, Sendable {
    /// The name has no address.
    case dns
    /// No TCP connection.
    case tcp
    /// TLS: certificates, versions, names.
    case tls
    /// Connected, but the peer does not speak HTTP/2 as it should.
    case `protocol`
    case timeout
    /// The channel was closed by its owner.
    case closed
  }

  /// The server's answer, or one made up for a call that broke off.
  case status(Status)
  /// There is no connection; `reason` is the whole sentence.
  case connect(host: String, port: Int, failure: ConnectFailure, reason: String)
  /// The task that waited was cancelled.
  case cancelled

  /// What this comes to as a gRPC status.
  package var asStatus: Status {
    switch self {
    case .status(let status): status
    case .connect(_, _, _, let reason): Status(.unavailable, reason)
    case .cancelled: Status(.cancelled, "cancelled by the caller")
    }
  }

  package var description: String {
    switch self {
    case .status(let status): status.description
    case .connect(_, _, _, let reason): reason
    case .cancelled: "cancelled"
    }
  }
}
