import ClusterModel
import NIOCore
import Protobuf
import RPC
import RaftAPI
import RaftCore
import RaftNode
import TLS

/// The way to one other server: a lane for entries and one for everything else, so that a heartbeat or a vote does not
/// wait behind megabytes of entries. Used on one event loop.
final class PeerLink {
  let address: PeerAddress
  private let urgent: PeerLane
  private let bulk: PeerLane

  /// - Parameters:
  ///   - tls: this server's certificate as a client's; nil: in the clear.
  ///   - onEnd: told when a stream ended, and why, but not twice the same; `isBulk`: entries that were on their way may
  ///     be lost.
  init(
    _ hello: PeerHello, at address: PeerAddress, tls: TLSContext?, on eventLoop: any EventLoop,
    onEnd: @escaping (_ isBulk: Bool, String?) -> Void
  ) {
    self.address = address
    func lane(_ isBulk: Bool) -> PeerLane {
      PeerLane(
        RPCChannel(address.channel(tls), on: eventLoop), path: RaftMethod.deliver.path,
        metadata: hello.metadata, mostBuffered: isBulk ? 64 << 20 : 1 << 20
      ) { onEnd(isBulk, $0) }
    }
    urgent = lane(false)
    bulk = lane(true)
  }

  /// Sends it, or drops it while there is no connection: Raft sends again what matters.
  func send(_ packet: Packet) {
    let message = PeerMessage(packet.message, frames: packet.frames)
    let bytes = message.serialized()
    switch packet.message {
    case .append, .image: bulk.send(bytes)
    default: urgent.send(bytes)
    }
  }

  func keepOpen() { urgent.keepOpen() }

  var isConnected: Bool { urgent.isConnected }

  func close() {
    urgent.close()
    bulk.close()
  }
}

/// Where a server listens for others.
package struct PeerAddress: Equatable, Sendable {
  package var host: String
  package var port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Reads `host:port` or `[address]:port`; nil for anything else.
  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65535).contains(port)
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    self.init(host: String(host), port: port)
  }

  /// A dead server must be noticed, and one that is back be reached, within little more than an election.
  func channel(_ tls: TLSContext?) -> RPCChannelConfiguration {
    var configuration = RPCChannelConfiguration(host: host, port: port, tls: tls)
    configuration.connectTimeout = .seconds(1)
    configuration.backoff.initial = .milliseconds(50)
    configuration.backoff.maximum = .milliseconds(500)
    configuration.keepaliveInterval = .milliseconds(500)
    configuration.keepaliveTimeout = .seconds(1)
    configuration.userAgent = "distlogd"
    return configuration
  }
}
