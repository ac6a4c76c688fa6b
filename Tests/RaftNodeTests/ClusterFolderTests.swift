import ClusterModel
import CommitLog
import RaftAPI
import RaftCore
import RaftNode
import SimulatedDisk
import Testing

@Suite struct ClusterFolderTests {
  private static let members = (1...3).map { number in
    MemberEntry(
      NodeID(high: 7, low: UInt64(number)), name: "n\(number)", address: "h\(number):1",
      isLearner: false)
  }
  private static let founding = Founding(
    clusterID: "\(UniqueID(high: 1, low: 1))", logID: "\(UniqueID(high: 2, low: 2))", time: 5,
    members: members)

  private var options: CommitLog.Options {
    var options = CommitLog.Options()
    options.segmentBytes = 4096
    options.indexBytes = 1200
    options.reserveStep = 4096
    return options
  }

  /// Goes on from wherever the folder is until it is a member's.
  private func found(_ disk: SimulatedDisk) throws -> FormationFile<SimulatedDisk>.State {
    let folder = ClusterFolder("/data", disk: disk, options: options)
    var state = try folder.state { id in
      MemberEntry(id, name: "n1", address: "h1:1", isLearner: false)
    }
    if state.phase == .alone {
      state = FormationFile.State(.accepted, UniqueID(Self.members[0].id), Self.founding)
      try folder.write(state)
    }
    if state.phase == .accepted {
      state.phase = .founding
      try folder.write(state)
    }
    return state.phase == .member ? state : try folder.complete(state)
  }

  @Test(arguments: 0..<80)
  func `after a power cut at any step of founding the folder becomes the same member's`(
    operation: Int
  ) throws {
    for fate in CrashFate.allCases {
      let disk = SimulatedDisk()
      disk.faults.powerOffAfter = operation
      _ = try? found(disk)
      var random = SeededRandom(seed: UInt64(operation))
      let after = disk.afterPowerCut(fate, &random)
      let state = try found(after)
      #expect(state.phase == .member)
      #expect(state.founding == Self.founding)
      let replica = try Replica(
        "/data", disk: after, settings: settings, founders: [], isNew: false,
        random: SeededRandom(seed: 1), at: .zero)
      #expect(replica.id == Self.members[0].id)
      #expect(replica.latest.members == Self.members)
      #expect(replica.core.log.lastIndex == 1)
      #expect(!replica.core.isUncertain)
    }
  }

  private var settings: Replica<SimulatedDisk>.Settings {
    var settings = Replica<SimulatedDisk>.Settings()
    settings.log = options
    return settings
  }

  /// A member that lost the two others.
  @Test(arguments: 0..<40)
  func `a power cut at any step of a recovery leaves the old cluster or a folder to recover again`(
    operation: Int
  ) throws {
    for fate in CrashFate.allCases {
      let disk = SimulatedDisk()
      _ = try found(disk)
      disk.faults.powerOffAfter = disk.calls + operation
      _ = try? ClusterRecovery("/data", disk: disk, options: options).run()
      var random = SeededRandom(seed: UInt64(operation))
      let after = disk.afterPowerCut(fate, &random)
      let recovery = try ClusterRecovery("/data", disk: after, options: options)
      // Who leads alone is not of the old cluster any more.
      if recovery.members.count == 1 {
        #expect(recovery.clusterID != Self.founding.clusterID)
        try recovery.close()
      } else {
        let old = recovery.clusterID
        #expect(try recovery.run() != old)
        try recovery.close()
      }
      let state = try found(after)
      let replica = try Replica(
        "/data", disk: after, settings: settings, founders: [], isNew: false,
        random: SeededRandom(seed: 1), at: .zero)
      #expect(replica.latest.members.map(\.id) == [Self.members[0].id])
      #expect("\(replica.engine.identity.clusterID)" == state.founding?.clusterID)
      #expect(state.founding?.clusterID != Self.founding.clusterID)
      #expect("\(replica.engine.identity.logInstanceID)" == Self.founding.logID)
    }
  }

  @Test func `a single node's folder becomes a cluster of one, and keeps its log`() throws {
    let disk = SimulatedDisk()
    let engine = try LogEngine("/data", disk: disk, options: options)
    for number in 0..<30 { _ = try engine.append([Record(value: [UInt8(number)])]) }
    let identity = engine.identity
    try engine.close()
    var random = SeededRandom(seed: 1)
    let again = disk.afterPowerCut(.all, &random)
    let state = try found(again)
    #expect(state.storageID == identity.storageID)
    let replica = try Replica(
      "/data", disk: again, settings: settings, founders: [], isNew: false,
      random: SeededRandom(seed: 1), at: .zero)
    #expect(replica.latest.members.map(\.name) == ["n1"])
    #expect(replica.latest.tail.nextOffset == 30)
  }

  @Test func `a member's folder without its formation file is not taken for a single node's`()
    throws
  {
    let disk = SimulatedDisk()
    _ = try found(disk)
    try disk.remove("/data/formation")
    #expect(throws: CommitLogError.self) { try found(disk) }
  }

  @Test func `a damaged formation file is refused`() throws {
    let disk = SimulatedDisk()
    _ = try found(disk)
    let bytes = disk.bytes(of: "/data/formation")
    for place in bytes.indices {
      var damaged = bytes
      damaged[place] ^= 1
      disk.setBytes(damaged, of: "/data/formation")
      #expect(throws: CommitLogError.self, "byte \(place)") { try found(disk) }
    }
  }
}
