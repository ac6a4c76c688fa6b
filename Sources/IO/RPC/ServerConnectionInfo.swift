package import NIOCore
package import TLS

/// Who is at the other end of a connection, and what services keep with it; one object for all
/// calls of the connection, used on its event loop.
package final class ServerConnectionInfo {
  package let eventLoop: any EventLoop
  /// The verified client certificate; nil without TLS, or when clients need none.
  package internal(set) var identity: PeerIdentity?
  /// `address:port`.
  package let remoteAddress: String
  /// For the service's per-connection cache.
  package var attachment: AnyObject?

  init(eventLoop: any EventLoop, remoteAddress: String) {
    self.eventLoop = eventLoop
    self.remoteAddress = remoteAddress
  }
}
