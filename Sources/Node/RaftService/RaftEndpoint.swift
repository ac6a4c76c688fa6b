import GRPCWire
package import RPC
import RaftAPI
import Synchronization
import TLS

/// The service raft.v1: lets in who is a peer, speaks for the same cluster and log, and means this server.
package final class RaftEndpoint: Sendable {
  private let runner = Mutex<RaftRunner?>(nil)
  private let isPeer: @Sendable (ServerConnectionInfo) -> Bool

  /// - Parameter isPeer: whether a connection's certificate is a server's of this cluster.
  package init(isPeer: @escaping @Sendable (ServerConnectionInfo) -> Bool) {
    self.isPeer = isPeer
  }

  /// Hands messages to `runner` from now on; nil: to nobody.
  package func attach(_ runner: RaftRunner?) { self.runner.withLock { $0 = runner } }

  /// What to register with a server.
  package var methods: [RPCMethod] {
    [
      RPCMethod(
        path: RaftMethod.deliver.path, shape: RaftMethod.deliver.shape,
        // Every entry that a client can make must travel.
        maxMessageBytes: 16 << 20
      ) { [self] call in start(call) }
    ]
  }

  private func start(_ call: ServerCall) -> any ServerCallHandler {
    guard isPeer(call.connection) else {
      return RefusedDelivery(
        Status(
          .permissionDenied,
          "\(call.connection.identity?.commonName ?? "nobody") is no server of this cluster",
          reason: "ACL_DENIED", metadata: [("action", "peer")]), call)
    }
    guard let hello = PeerHello(call.metadata) else {
      return RefusedDelivery(
        Status(.invalidArgument, "the stream does not say who speaks to whom (distlog-* metadata)"),
        call)
    }
    guard let runner = runner.withLock({ $0 }) else {
      return RefusedDelivery(
        Status(.unavailable, "this server takes part in no cluster now", reason: "NOT_READY"), call)
    }
    if let refusal = hello.refusal(by: runner.identity) { return RefusedDelivery(refusal, call) }
    return DeliverCall(runner, hello)
  }
}
