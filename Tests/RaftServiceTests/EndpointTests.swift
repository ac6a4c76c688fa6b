import ClusterModel
import CommitLog
import GRPCWire
import NIOPosix
import Protobuf
import RPC
import RaftAPI
import RaftCore
import RaftNode
import RaftService
import TLS
import TestSupport
import Testing

/// Who may speak raft.v1, and about what.
@Suite(.serialized) struct EndpointTests {
  private static let heartbeat = PeerMessage(
    .heartbeat(Heartbeat(term: 1, commit: 0, round: 1)), frames: []
  ).serialized()

  /// Sends one message as a stranger would; how the server ends the stream, or OK.
  private func send(
    _ message: [UInt8] = heartbeat, to node: Node, as name: String = Node.peerName,
    metadata: [(String, String)]
  ) async throws -> Status {
    let files = try TestCertificates.shared.get().leaf(name, usage: .node)
    let tls = try TLSContext.client(
      ca: TestCertificates.shared.get().authority().certificate, certificate: files.certificate,
      key: files.key)
    let channel = RPCChannel(
      RPCChannelConfiguration(host: "127.0.0.1", port: node.port, tls: tls),
      on: MultiThreadedEventLoopGroup.singleton.next())
    do {
      _ = try await channel.unary(
        RaftMethod.deliver.path, message, metadata: metadata, timeout: .seconds(10))
    } catch RPCError.status(let status) {
      await channel.close()
      return status
    }
    await channel.close()
    return .ok
  }

  @Test func `only a peer of the same cluster and log, that means this server, is heard`()
    async throws
  {
    let cluster = try await Cluster()
    let node = cluster.nodes[0]
    let good = PeerHello(
      cluster: cluster.cluster, log: cluster.log, from: cluster.nodes[1].id, to: node.id)
    #expect(try await send(to: node, metadata: good.metadata) == .ok)

    let stranger = try await send(to: node, as: "root", metadata: good.metadata)
    #expect(stranger.code == .permissionDenied)
    #expect(stranger.errorInfo()?.reason == "ACL_DENIED")

    #expect(try await send(to: node, metadata: []).code == .invalidArgument)

    var other = good
    other.cluster = .random()
    #expect(
      try await send(to: node, metadata: other.metadata).errorInfo()?.reason == "CLUSTER_MISMATCH")
    other = good
    other.log = .random()
    #expect(
      try await send(to: node, metadata: other.metadata).errorInfo()?.reason == "LOG_MISMATCH")
    other = good
    other.to = NodeID(.random())
    #expect(
      try await send(to: node, metadata: other.metadata).errorInfo()?.reason == "NODE_MISMATCH")
    other = good
    other.from = node.id
    #expect(
      try await send(to: node, metadata: other.metadata).errorInfo()?.reason == "DUPLICATE_NODE")
    try await cluster.stop()
  }

  @Test func `what is no message ends the stream and harms nobody`() async throws {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    let hello = PeerHello(
      cluster: cluster.cluster, log: cluster.log, from: NodeID(.random()), to: leader.id)
    var unknown = PeerMessage()
    unknown.kind = 99
    var large = PeerMessage()
    large.kind = PeerMessage.Kind.append.rawValue
    large.index = .max
    for bytes in [[0xFF], unknown.serialized(), large.serialized()] as [[UInt8]] {
      let status = try await send(bytes, to: leader, metadata: hello.metadata)
      #expect(status.code == .invalidArgument, "\(status)")
    }
    // Frames that are none are dropped, as if they had not come.
    var append = PeerMessage(
      .append(AppendRequest(term: 1, session: 1, previous: .start, commit: 0)), frames: [])
    append.frames = [1, 2, 3]
    #expect(try await send(append.serialized(), to: leader, metadata: hello.metadata) == .ok)
    #expect(try await leader.append("still here") == 0)
    try await cluster.stop()
  }

  @Test func `a peer that is no member neither ends the leader nor uses up the terms`() async throws
  {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    let term = leader.status.term
    let stranger = NodeID(.random())
    for node in cluster.nodes {
      let hello = PeerHello(
        cluster: cluster.cluster, log: cluster.log, from: stranger, to: node.id)
      for claimed in [term, term + 1, 1 << 62 - 2] as [UInt64] {
        let messages: [Message] = [
          .heartbeat(Heartbeat(term: claimed, commit: 0, round: 1)),
          .append(AppendRequest(term: claimed, session: 1, previous: .start, commit: 0)),
          .vote(
            VoteRequest(
              term: claimed, last: LogPosition(term: claimed, index: 99), isTransfer: true)),
        ]
        for message in messages {
          let bytes = PeerMessage(message, frames: []).serialized()
          #expect(try await send(bytes, to: node, metadata: hello.metadata) == .ok)
        }
      }
    }
    #expect(try await leader.append("still here") == 0)
    try await cluster.settle()
    #expect(cluster.nodes.allSatisfy { $0.status.term == term && $0.status.leader == leader.id })
    for node in cluster.nodes {
      let told = node.notices().compactMap { notice -> MessageRefusal? in
        guard case .refused(stranger, let refusal) = notice else { return nil }
        return refusal
      }
      #expect(told == [.stranger, .termTooFarAhead], "each once")
    }
    try await cluster.stop()
  }
}
