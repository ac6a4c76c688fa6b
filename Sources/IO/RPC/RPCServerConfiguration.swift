package import HTTP2
package import Logging
package import NIOCore
package import TLS

/// Where and how an `RPCServer` listens, and its limits on each connection.
package struct RPCServerConfiguration: Sendable {
  package var host: String
  /// 0 takes a free one.
  package var port: Int
  /// nil serves plain text (tests and measurements).
  package var tls: TLSContext?
  package var http2 = HTTP2Settings()
  /// The most bytes of one request message, unless its method says otherwise.
  package var maxMessageBytes = 4 << 20
  /// The most bytes of messages not yet whole, over all calls of one connection; the largest message
  /// allowed always has room. Memory may be up to twice this, since buffers grow by doubling.
  package var maxGatheredBytes = 32 << 20
  /// From accept to a finished TLS handshake, and again to the first HTTP/2 settings.
  package var handshakeTimeout = TimeAmount.seconds(10)
  /// A PING goes out after this long without a byte from the client.
  package var keepaliveInterval = TimeAmount.seconds(60)
  /// The connection is given up when nothing at all comes for this long after that PING.
  package var keepaliveTimeout = TimeAmount.seconds(20)
  /// A connection without calls is drained after this long.
  package var idleTimeout = TimeAmount.minutes(30)
  /// Of the whole server; further connections are closed at once.
  package var maxConnections = 16_384
  package var logger: Logger?

  package init(host: String, port: Int, tls: TLSContext?, logger: Logger? = nil) {
    self.host = host
    self.port = port
    self.tls = tls
    self.logger = logger
  }
}
