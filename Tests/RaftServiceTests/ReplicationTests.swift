import CommitLog
import RaftCore
import RaftNode
import NIOCore
import RaftService
import Testing

@Suite(.serialized) struct ReplicationTests {
  private func record(_ text: String) -> Record { Record(value: Array(text.utf8)) }

  @Test func `three servers agree on one log, byte for byte`() async throws {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    let runner = try #require(leader.runner)
    var offsets: Set<UInt64> = []
    await withTaskGroup(of: ProposalOutcome.self) { group in
      for number in 0..<500 {
        group.addTask { await runner.append([Record(value: Array("r\(number)".utf8))]) }
      }
      for await outcome in group {
        guard case .appended(let offset, 1, _, false) = outcome else {
          Issue.record("\(outcome)")
          continue
        }
        offsets.insert(offset)
      }
    }
    #expect(offsets == Set(0..<500))
    try await cluster.settle()
    try await cluster.stop()
    let logs = try cluster.nodes.map { try $0.records() }
    #expect(logs[0].count == 500)
    #expect(logs[0] == logs[1] && logs[1] == logs[2])
  }

  @Test func `when the leader goes another leads, and the old one catches up when it is back`()
    async throws
  {
    let cluster = try await Cluster()
    let members = cluster.nodes.map(\.member)
    let first = try await cluster.leader()
    for number in 0..<20 as Range<UInt64> {
      #expect(try await first.append("before \(number)") == number)
    }
    try await first.leave()
    let second = try await cluster.leader()
    #expect(second.id != first.id)
    for number in 20..<40 as Range<UInt64> {
      #expect(try await second.append("after \(number)") == number)
    }
    try await first.comeBack(members)
    _ = try await cluster.leader()
    try await cluster.settle()
    try await cluster.stop()
    let logs = try cluster.nodes.map { try $0.records() }
    #expect(logs[0].count == 40)
    #expect(logs[0] == logs[1] && logs[1] == logs[2])
  }

  @Test func `followers refuse and name the leader; a read on one sees what was acknowledged`()
    async throws
  {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    let follower = try #require(cluster.nodes.first { $0.id != leader.id })
    let refused = await follower.runner?.append([record("no")])
    #expect(refused == .refused(.raft(.notLeader(leader.id))))
    for number in 1...10 {
      _ = await leader.runner?.append([record("\(number)")])
      let end = await follower.runner?.linearizableEnd()
      #expect(try #require(end ?? nil) >= UInt64(number))
    }
    try await cluster.stop()
  }

  @Test func `an entry of 12 MiB is replicated`() async throws {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    let large = Record(value: [UInt8](repeating: 7, count: 3 << 20))
    #expect(try await leader.append([large, large, large, large]) == 0)
    try await cluster.settle()
    try await cluster.stop()
    for node in cluster.nodes {
      #expect(try node.records().map(\.count) == [3 << 20, 3 << 20, 3 << 20, 3 << 20])
    }
  }

  @Test func `leadership moves where it is sent`() async throws {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    let follower = try #require(cluster.nodes.first { $0.id != leader.id })
    _ = await leader.runner?.append([record("one")])
    await leader.runner?.handOver(to: follower.id, within: .seconds(5))
    let next = try await eventually("the follower leads") {
      follower.status.role == .leader ? follower : nil
    }
    #expect(try await next.append("two") == 1)
    try await cluster.stop()
  }
}
