import RaftService
import Testing

/// What a server says of its connections to the others.
@Suite(.serialized) struct LinkTests {
  @Test func `who is refused again and again tells so once`() async throws {
    let cluster = try await Cluster()
    let leader = try await cluster.leader()
    let other = try #require(cluster.nodes.first { $0.id != leader.id })
    try await other.leave()
    try await other.comeBackWiped()
    _ = leader.notices()
    var told: [String] = []
    for _ in 0..<300 {
      try await Task.sleep(for: .milliseconds(10))
      for case .linkLost(other.id, let reason) in leader.notices() { told.append(reason) }
    }
    let refusals = told.filter { $0.contains("a data folder that was wiped makes a new server") }
    // The lane of heartbeats, and the one of entries.
    #expect((1...2).contains(refusals.count), "\(told)")
    try await cluster.stop()
  }
}
