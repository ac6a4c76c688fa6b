import ClusterModel
import Formation
import RaftAPI
import Testing

@Suite struct FormationTests {
  /// Seeds of the random schedules; one that ever failed joins the list.
  static let schedules = Array(0..<400 as Range<UInt64>)

  @Test(arguments: schedules)
  func `three servers find each other, whatever goes down and is lost meanwhile`(
    seed: UInt64
  ) throws {
    var world = FormationWorld(["a", "b", "c"], seeds: [0, 1, 2], expected: 3, seed: seed)
    world.run(turns: 300, faults: true)
    #expect(world.clusters.count <= 1, "seed \(seed)")
    world.run(turns: 3000, faults: false)
    #expect(world.clusters.count == 1, "seed \(seed)")
    let all = world.servers.allSatisfy { $0.formed?.clusterID == world.clusters.first }
    #expect(all, "seed \(seed)")
    #expect(world.servers.count(where: \.hasFounded) == 3, "seed \(seed)")
  }

  @Test(arguments: schedules)
  func `six servers that expect three never form two clusters`(seed: UInt64) throws {
    var world = FormationWorld(
      ["f", "e", "d", "c", "b", "a"], seeds: [0, 2, 4], expected: 3, seed: seed)
    world.run(turns: 600, faults: true)
    #expect(world.clusters.count <= 1, "seed \(seed)")
    world.run(turns: 6000, faults: false)
    #expect(world.clusters.count == 1, "seed \(seed)")
    let all = world.servers.allSatisfy { $0.formed?.clusterID == world.clusters.first }
    #expect(all, "seed \(seed)")
    #expect(world.servers.count(where: \.hasFounded) == 3, "seed \(seed)")
  }

  @Test(arguments: schedules.prefix(50))
  func `two servers of one name form nothing`(seed: UInt64) {
    var world = FormationWorld(["a", "b", "b"], seeds: [0, 1, 2], expected: 3, seed: seed)
    world.run(turns: 2000, faults: false)
    #expect(world.clusters.isEmpty, "seed \(seed)")
    #expect(world.servers.allSatisfy { $0.accepted == nil })
    let obstacle = world.servers[0].core?.obstacle(at: world.now) ?? ""
    #expect(obstacle.contains("two servers are called b"), "\(obstacle)")
  }

  @Test func `a set without a majority of the seeds is not proposed`() {
    var world = FormationWorld(
      ["a", "b", "c", "x", "y", "z"], seeds: [0, 3, 4, 5, 2], expected: 3, seed: 1)
    // a, b and c hold two of five seeds.
    world.run(turns: 3000, faults: false)
    #expect(world.clusters.isEmpty)
    let obstacle = world.servers[0].core?.obstacle(at: world.now) ?? ""
    #expect(obstacle.contains("majority of the 5 seeds"), "\(obstacle)")
  }

  @Test func `one that only joins waits for a cluster`() {
    let own = MemberEntry(NodeID(low: 9), name: "n9", address: "h9:1", isLearner: false)
    var formation = ClusterFormation(own, expected: 0, seeds: 1)
    let now = Instant(nanoseconds: 5)
    let other = MemberEntry(NodeID(low: 1), name: "n1", address: "h1:1", isLearner: false)
    formation.heard(Introduction(other), atSeed: 0, at: now)
    #expect(step(formation, now) == nil)
    let cluster = Founding(clusterID: "c", logID: "l")
    formation.heard(Introduction(other, founding: cluster, isFormed: true), atSeed: 0, at: now)
    #expect(step(formation, now) == .join(cluster))
  }

  @Test func `seeds of two clusters are no way in`() {
    let own = MemberEntry(NodeID(low: 9), name: "n9", address: "h9:1", isLearner: false)
    var formation = ClusterFormation(own, expected: 3, seeds: 2)
    let now = Instant(nanoseconds: 5)
    for number in 1...2 as ClosedRange<UInt64> {
      let other = MemberEntry(
        NodeID(low: number), name: "n\(number)", address: "h\(number):1", isLearner: false)
      let cluster = Founding(clusterID: "c\(number)", logID: "l")
      formation.heard(
        Introduction(other, founding: cluster, isFormed: true), atSeed: Int(number) - 1, at: now)
    }
    #expect(step(formation, now) == nil)
    #expect(formation.obstacle(at: now).contains("different clusters"))
  }

  private func step(
    _ formation: ClusterFormation, _ now: Instant
  ) -> ClusterFormation.Step? {
    formation.next(at: now) { ("new", "new", 0) }
  }
}
