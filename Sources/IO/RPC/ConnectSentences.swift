internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import TLS

/// Turns what the socket layer reports while dialling into a sentence with a remedy.
enum ConnectSentences {
  static func error(_ error: any Error, host: String, port: Int, timeout: TimeAmount) -> RPCError {
    let (failure, reason) = explain(error, host: host, port: port, timeout: timeout)
    return .connect(host: host, port: port, failure: failure, reason: reason)
  }

  static func timedOut(host: String, port: Int, timeout: TimeAmount, doing what: String) -> RPCError
  {
    .connect(
      host: host, port: port, failure: .timeout,
      reason: "\(place(host, port)) did not answer within \(text(timeout)) (\(what))")
  }

  /// `host:port`, an IPv6 address in brackets.
  static func place(_ host: String, _ port: Int) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  static func text(_ amount: TimeAmount) -> String {
    let milliseconds = amount.nanoseconds / 1_000_000
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
  }

  private static func explain(
    _ error: any Error, host: String, port: Int, timeout: TimeAmount
  ) -> (RPCError.ConnectFailure, String) {
    switch error {
    case let error as NIOConnectionError:
      if let first = error.connectionErrors.first {
        return explain(first.error, host: host, port: port, timeout: timeout)
      }
      return (.dns, "the name \(host) cannot be resolved; is it spelled right?")
    case let error as TLSError: return (.tls, error.description)
    case ChannelError.connectTimeout:
      return (.timeout, "\(place(host, port)) did not answer within \(text(timeout)) (TCP)")
    case let error as IOError:
      return (.tcp, sentence(error.errnoCode, place(host, port)))
    default:
      return (.tcp, "\(place(host, port)) cannot be reached (\(error))")
    }
  }

  private static func sentence(_ code: CInt, _ place: String) -> String {
    switch code {
    case ECONNREFUSED: "nothing listens at \(place); is distlogd running?"
    case EHOSTUNREACH, ENETUNREACH: "there is no route to \(place)"
    case ECONNRESET: "\(place) closed the connection at once"
    case EMFILE, ENFILE: "no file descriptor is left to connect to \(place); raise the limit"
    default: "\(place) cannot be reached (\(String(cString: strerror(code))))"
    }
  }
}
