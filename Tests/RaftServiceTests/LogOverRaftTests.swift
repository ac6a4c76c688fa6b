import GRPCWire
import LogAPI
import NIOPosix
import Protobuf
import RPC
import RaftAPI
import RaftCore
import RaftService
import TLS
import TestSupport
import Testing

/// log.v1 as clients meet it, over a replicated log.
@Suite(.serialized) struct LogOverRaftTests {
  private func channel(to node: Node) throws -> RPCChannel {
    let files = try TestCertificates.shared.get().leaf("root")
    let tls = try TLSContext.client(
      ca: TestCertificates.shared.get().authority().certificate, certificate: files.certificate,
      key: files.key)
    return RPCChannel(
      RPCChannelConfiguration(host: "127.0.0.1", port: node.port, tls: tls),
      on: MultiThreadedEventLoopGroup.singleton.next())
  }

  private func call<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ method: LogMethod, _ request: Request, on node: Node
  ) async throws -> Response {
    let channel = try channel(to: node)
    let answer = try await channel.unary(
      method.path, request.serialized(), timeout: .seconds(20))
    await channel.close()
    return try Response(serialized: answer)
  }

  private func request(_ values: [String]) -> ProduceRequest {
    var request = ProduceRequest()
    request.records = values.map { value in
      var record = Record()
      record.value = Array(value.utf8)
      return record
    }
    return request
  }

  private func produce(_ values: [String], on node: Node) async throws -> ProduceResponse {
    try await call(.produce, request(values), on: node)
  }

  private func consume(_ offset: UInt64, on node: Node) async throws -> ConsumeResponse {
    var request = ConsumeRequest()
    request.offset = offset
    request.waitMs = 10_000
    return try await call(.consume, request, on: node)
  }

  @Test func `what the leader acknowledges is served by every server`() async throws {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    let first = try await produce(["a", "b"], on: leader)
    #expect((first.offset, first.lastOffset) == (0, 1))
    #expect(first.durability == .quorumSynced)
    #expect(first.term == leader.status.term)
    let second = try await produce(["c"], on: leader)
    #expect(second.offset == 2)
    for node in cluster.nodes {
      for (offset, value) in ["a", "b", "c"].enumerated() {
        let answer = try await consume(UInt64(offset), on: node)
        #expect(answer.record?.value == Array(value.utf8))
        #expect(answer.record?.term == first.term)
      }
    }
    try await cluster.stop()
  }

  @Test func `a follower refuses a record and says where the leader is`() async throws {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    let follower = try #require(cluster.nodes.first { $0.id != leader.id })
    do {
      _ = try await produce(["no"], on: follower)
      Issue.record("a follower took a record")
    } catch RPCError.status(let status) {
      #expect(status.code == .unavailable)
      let info = try #require(status.errorInfo())
      #expect(info.reason == "NOT_LEADER")
      #expect(info.metadata["leader_id"] == leader.member.name)
      #expect(info.metadata["leader_addr"] == leader.member.address)
      #expect(info.metadata["term"] == "\(leader.status.term)")
    }
    try await cluster.stop()
  }

  @Test func `without a majority nobody leads, and that is what a client hears`() async throws {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    for node in cluster.nodes where node.id != leader.id { try await node.leave() }
    // In the log when leadership ends: nobody can say what becomes of it.
    do {
      _ = try await produce(["lost?"], on: leader)
      Issue.record("a record was acknowledged without a majority")
    } catch RPCError.status(let status) {
      #expect(["OUTCOME_UNKNOWN", "NO_LEADER"].contains(status.errorInfo()?.reason))
    }
    _ = try await eventually("the leader gives up") {
      leader.status.role == .leader ? nil : true
    }
    do {
      _ = try await produce(["no"], on: leader)
      Issue.record("a record was acknowledged without a majority")
    } catch RPCError.status(let status) {
      #expect(status.code == .unavailable)
      #expect(status.errorInfo()?.reason == "NO_LEADER")
      #expect(status.retryDelay() != nil)
    }
    try await cluster.stop()
  }

  @Test func `GetServers tells of all, on each server`() async throws {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    _ = try await produce(["one"], on: leader)
    for node in cluster.nodes {
      let answer: GetServersResponse = try await call(
        .getServers, GetServersRequest(), on: node)
      #expect(answer.leaderId == leader.member.name)
      #expect(answer.term == leader.status.term)
      #expect(answer.clusterId == "\(cluster.cluster)")
      #expect(answer.servers.map(\.id) == ["n1", "n2", "n3"])
      #expect(answer.servers.map(\.rpcAddr) == cluster.nodes.map(\.member.address))
      #expect(answer.servers.filter(\.isLeader).map(\.id) == [leader.member.name])
      #expect(answer.servers.allSatisfy { $0.role == .voter })
    }
    try await cluster.stop()
  }

  @Test func `a stream of produce requests is answered in order`() async throws {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    let channel = try channel(to: leader)
    let stream = channel.bidirectional(LogMethod.produceStream.path)
    for number in 0..<300 { try await stream.send(request(["s\(number)"]).serialized()) }
    stream.finish()
    var next: UInt64 = 0
    for try await answer in stream.responses {
      let response = try ProduceResponse(serialized: answer)
      #expect(response.offset == next)
      next += 1
    }
    #expect(next == 300)
    await channel.close()
    try await cluster.settle()
    try await cluster.stop()
    let logs = try cluster.nodes.map { try $0.records() }
    #expect(logs[0].count == 300)
    #expect(logs[0] == logs[1] && logs[1] == logs[2])
  }
}
