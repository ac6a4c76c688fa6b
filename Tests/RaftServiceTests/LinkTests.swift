import ClusterModel
import CommitLog
import RaftService
import Testing

/// What a server says of its connections to the others.
@Suite(.serialized) struct LinkTests {
  @Test func `who is refused again and again tells so once, and is not reachable`() async throws {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    let other = try #require(cluster.nodes.first { $0.id != leader.id })
    try await other.leave()
    try await other.comeBackWiped()
    _ = leader.notices()
    var told: [String] = []
    var wasReachable = 0
    for _ in 0..<300 {
      try await Task.sleep(for: .milliseconds(10))
      for case .linkLost(other.id, let reason) in leader.notices() { told.append(reason) }
      if leader.status.reachable.contains(other.id) { wasReachable += 1 }
    }
    let refusals = told.filter { $0.contains("a data folder that was wiped makes a new server") }
    // The lane of heartbeats, and the one of entries.
    #expect((1...2).contains(refusals.count), "\(told)")
    #expect(wasReachable == 0)
    try await cluster.stop()
  }

  @Test func `a server that takes what it is sent is reachable however much that is`() async throws
  {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    let runner = try #require(leader.runner)
    let others = Set(cluster.nodes.map(\.id)).subtracting([leader.id])
    _ = try await eventually("both are reachable") {
      leader.status.reachable == others ? true : nil
    }
    let seen = await withTaskGroup { group in
      for _ in 0..<4 {
        group.addTask {
          var seen: Set<Set<NodeID>> = []
          for _ in 0..<200 {
            _ = await runner.append([Record(value: [7])])
            seen.insert(runner.status.reachable)
            _ = await runner.linearizableEnd()
            seen.insert(runner.status.reachable)
          }
          return seen
        }
      }
      return await group.reduce(into: Set<Set<NodeID>>()) { $0.formUnion($1) }
    }
    #expect(seen == [others])
    try await cluster.stop()
  }
}
