internal import NIOCore
package import TLS

/// Where a channel leads, and its limits.
package struct RPCChannelConfiguration: Sendable {
  /// A name, looked up at every dial, or an address.
  package var host: String
  package var port: Int
  /// What the server's certificate must be valid for; nil: the host.
  package var serverName: String?
  /// nil: in the clear.
  package var tls: TLSContext?
  /// From the name look-up to the server's first HTTP/2 frame.
  package var connectTimeout: Duration = .seconds(5)
  package var backoff = Backoff()
  /// A connection that was silent so long is asked with a PING; nil: never.
  package var keepaliveInterval: Duration? = .seconds(20)
  /// One that says nothing for this long after the PING is given up.
  package var keepaliveTimeout: Duration = .seconds(10)
  /// What a stream may have sent that was not used yet, in bytes.
  package var streamWindow = 1 << 20
  /// The same for all streams of the connection.
  package var connectionWindow = 16 << 20
  /// The longest message taken from the server.
  package var maxMessageBytes = 16 << 20
  /// Calls that wait for a connection or for one of its streams.
  package var maxWaitingCalls = 10_000
  package var userAgent = "distlog-swift"

  package init(host: String, port: Int, serverName: String? = nil, tls: TLSContext? = nil) {
    self.host = host
    self.port = port
    self.serverName = serverName
    self.tls = tls
  }

  /// `host:port`, for messages and the `:authority` header.
  package var authority: String { ConnectSentences.place(host, port) }
}
