import ClusterModel
import CommitLog
import RaftCore
import RaftNode
import SimulatedDisk
import Testing

@Suite struct HardStateFileTests {
  private typealias File = HardStateFile<SimulatedFile>
  private let node = NodeID(high: 1, low: 2)
  private let path = "/data/hardstate"

  private func made(_ disk: SimulatedDisk) throws(CommitLogError) -> File {
    try disk.makeFolder("/data")
    return try File(in: "/data", of: node, disk: disk, isNew: true)
  }

  private func opened(_ disk: SimulatedDisk) throws(CommitLogError) -> HardState {
    try File(in: "/data", of: node, disk: disk, isNew: false).current
  }

  @Test func `what was saved is found again`() throws {
    let disk = SimulatedDisk()
    var file = try made(disk)
    #expect(try opened(disk) == HardState())
    for term in 1...5 as ClosedRange<UInt64> {
      let state = HardState(term: term, vote: term % 2 == 0 ? nil : NodeID(low: term))
      try file.save(state)
      #expect(try opened(disk) == state)
    }
  }

  @Test(arguments: 1...40)
  func `rule 1: a power cut at any call leaves the state before or the new one`(_ seed: Int) throws
  {
    var random = SeededRandom(seed: UInt64(seed))
    for calls in 0...6 {
      let disk = SimulatedDisk()
      var file = try made(disk)
      let (old, new) = (HardState(term: 3, vote: NodeID(low: 7)), HardState(term: 4))
      try file.save(old)
      disk.faults.powerOffAfter = disk.calls + calls
      let isDone = (try? file.save(new)) != nil
      let fate = CrashFate.allCases[random.below(4)]
      let found = try opened(disk.afterPowerCut(fate, &random))
      #expect(found == new || found == old && !isDone, "seed \(seed), call \(calls), \(fate)")
    }
  }

  @Test func `rule 2: one damaged copy does no harm, two are refused`() throws {
    let disk = SimulatedDisk()
    var file = try made(disk)
    let state = HardState(term: 9, vote: NodeID(high: 5, low: 6))
    try file.save(state)
    let bytes = disk.bytes(of: path)
    for slot in [0, 4096] {
      for bit in 0..<64 * 8 {
        var damaged = bytes
        damaged[slot + bit / 8] ^= 1 << UInt8(bit % 8)
        disk.setBytes(damaged, of: path)
        // A changed format with a right checksum cannot be had by one bit.
        #expect(try opened(disk) == state, "bit \(bit) of slot \(slot)")
      }
    }
    var both = bytes
    both[20] ^= 1
    both[4096 + 20] ^= 1
    disk.setBytes(both, of: path)
    #expect(throws: CommitLogError.self) { try opened(disk) }
  }

  @Test func `rule 2: a vote file that is gone is not a new one`() throws {
    let disk = SimulatedDisk()
    try disk.makeFolder("/data")
    #expect(throws: CommitLogError.self) { try opened(disk) }
  }

  @Test func `a vote file of another node is refused`() throws {
    let disk = SimulatedDisk()
    _ = try made(disk)
    #expect(throws: CommitLogError.self) {
      try File(in: "/data", of: NodeID(low: 99), disk: disk, isNew: false)
    }
  }
}
