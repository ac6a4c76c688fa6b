import ClusterModel
import CommitLog
import RaftAPI
import RaftCore
import RaftNode
import SimulatedDisk
import Testing

/// A leader whose log has lost its front, and a server that joins. Messages arrive at once, in their order.
private final class Pair {
  typealias Node = Replica<SimulatedDisk>

  let leader: Node
  private(set) var follower: Node
  private(set) var followerDisk: SimulatedDisk
  private(set) var now = Instant(nanoseconds: 1_000_000_000)
  private(set) var outcomes: [UInt64: ProposalOutcome] = [:]
  private(set) var imageParts = 0
  /// What is in the follower's log came as an image.
  private(set) var wasInstalled = false
  private var letters: [(packet: Packet, toFollower: Bool)] = []
  private var last: UInt64 = 0

  static let members = [
    MemberEntry(NodeID(low: 1), name: "n1", address: "", isLearner: false),
    MemberEntry(NodeID(low: 2), name: "n2", address: "", isLearner: true),
  ]

  static func node(
    _ number: UInt64, _ disk: SimulatedDisk, founders: [MemberEntry], isNew: Bool, at now: Instant
  ) throws(CommitLogError) -> Node {
    var settings = Node.Settings()
    settings.log.segmentBytes = 4096
    settings.log.indexBytes = 1200
    settings.log.reserveStep = 4096
    settings.log.retention = Retention(bytes: 3000)
    settings.appendBytes = 256
    let identity = LogIdentity(
      clusterID: UniqueID(high: 1, low: 1), storageID: UniqueID(high: 0, low: number),
      logInstanceID: UniqueID(high: 1, low: 3))
    settings.log.newIdentity = { identity }
    return try Node(
      "/data", disk: disk, settings: settings, founders: founders, isNew: isNew,
      random: SeededRandom(seed: number), at: now)
  }

  init() throws(CommitLogError) {
    leader = try Pair.node(
      1, SimulatedDisk(), founders: [Pair.members[0]], isNew: true, at: now)
    followerDisk = SimulatedDisk()
    follower = try Pair.node(2, followerDisk, founders: [], isNew: true, at: now)
    now = leader.deadline
    carryOut(leader.handle(.tick, at: now), of: leader)
  }

  func stamp(_ name: String = "p") -> ProducerStamp? {
    last += 1
    carryOut(leader.initProducer(id: last, subject: "s", name: name, at: now), of: leader)
    guard case .producer(let id, let epoch)? = outcomes[last] else { return nil }
    return ProducerStamp(id: id, epoch: epoch, sequence: 0)
  }

  @discardableResult
  func propose(_ value: String, stamp: ProducerStamp? = nil) -> ProposalOutcome? {
    last += 1
    let proposal = Proposal(
      id: last, records: [Record(value: Array(value.utf8))], subject: "s", stamp: stamp)
    carryOut(leader.propose([proposal], at: now), of: leader)
    return outcomes[last]
  }

  func trim() throws(CommitLogError) {
    let applied = leader.applied.tail.nextIndex - 1
    while try leader.engine.applyRetention({ last throws(CommitLogError) in
      try leader.keepState(through: last, applied: applied)
    }) != nil {}
    let first = leader.engine.firstIndex
    carryOut(leader.handle(.compacted(through: first - 1), at: now), of: leader)
  }

  func join() {
    last += 1
    carryOut(leader.changeMembers(id: last, to: Pair.members, at: now), of: leader)
  }

  /// The follower's machine starts again with what its disk kept.
  func restartFollower(_ disk: SimulatedDisk) throws(CommitLogError) {
    letters.removeAll()
    followerDisk = disk
    follower = try Pair.node(2, disk, founders: [], isNew: false, at: now)
    carryOut(leader.handle(.disconnected(NodeID(low: 2)), at: now), of: leader)
  }

  /// Lets time pass until `isDone`, or for ten seconds.
  func run(until isDone: () -> Bool) {
    let end = Instant(nanoseconds: now.nanoseconds + 10_000_000_000)
    while !isDone(), now < end {
      now = Instant(nanoseconds: now.nanoseconds + 10_000_000)
      for node in [leader, follower] {
        if now >= node.deadline { carryOut(node.handle(.tick, at: now), of: node) }
        carryOut(node.endTurn(at: now), of: node)
      }
      deliver()
    }
  }

  private func deliver() {
    while !letters.isEmpty {
      let letter = letters.removeFirst()
      if case .image = letter.packet.message, let body = beforeNextPart.take() { try? body() }
      let node = letter.toFollower ? follower : leader
      let sender = letter.toFollower ? leader.id : follower.id
      carryOut(node.receive(letter.packet, from: sender, at: now), of: node)
    }
  }

  private func carryOut(_ effects: [ReplicaEffect], of node: Node) {
    for effect in effects {
      switch effect {
      case .disk(let job):
        for result in node.disk.perform([job]).results {
          carryOut(node.done(result, at: now), of: node)
        }
      case .send(let packet, let to):
        if case .image = packet.message { imageParts += 1 }
        letters.append((packet, to == NodeID(low: 2)))
      case .resolved(let id, let outcome): outcomes[id] = outcome
      case .imageInstalled: wasInstalled = true
      default: break
      }
    }
  }

  /// Of parts of images, the next one that comes is preceded by this.
  var beforeNextPart: (() throws -> Void)?

  var hasCaughtUp: Bool { follower.committedEnd == leader.committedEnd }

  func values(of node: Node) throws(CommitLogError) -> [String] {
    let start = node.engine.offsets.lowerBound
    return try EngineReader(node.engine).read(from: start, maxRecords: 10_000, maxBytes: 1 << 20)
      .map { "\($0.offset) " + String(decoding: $0.value, as: UTF8.self) }
  }
}

@Suite struct ImageTests {
  /// A leader with 600 records behind what it still has, a producer, and records that are kept.
  private func trimmed() throws -> (Pair, ProducerStamp) {
    let pair = try Pair()
    let stamp = try #require(pair.stamp())
    pair.propose("first", stamp: stamp)
    for number in 0..<600 { pair.propose("\(number)") }
    try pair.trim()
    #expect(pair.leader.engine.firstIndex > 100)
    return (pair, stamp)
  }

  @Test func `a server behind the log's start gets what is before it, then entries`() throws {
    let (pair, stamp) = try trimmed()
    pair.join()
    pair.run { pair.hasCaughtUp }
    #expect(pair.hasCaughtUp && pair.wasInstalled)
    #expect(pair.follower.engine.firstIndex == pair.leader.engine.firstIndex)
    #expect(pair.follower.engine.offsets == pair.leader.engine.offsets)
    #expect(try pair.values(of: pair.follower) == pair.values(of: pair.leader))
    #expect(pair.follower.latest.producers == pair.leader.latest.producers)
    #expect(pair.follower.latest.members == Pair.members)
    _ = stamp
  }

  @Test func `an image larger than a message comes in parts`() throws {
    let (pair, _) = try trimmed()
    for number in 0..<20 { pair.propose("\(number)", stamp: pair.stamp("p\(number)")) }
    for number in 0..<600 { pair.propose("\(number)") }
    try pair.trim()
    pair.join()
    pair.run { pair.hasCaughtUp }
    #expect(pair.hasCaughtUp)
    #expect(pair.imageParts > 2)
    #expect(pair.follower.latest.producers == pair.leader.latest.producers)
  }

  /// Found by the simulator (profile trims, seeds 123 and 127): the image that was overtaken was sent again and again.
  @Test func `an image that the log's start has overtaken is followed by a newer one`() throws {
    let (pair, _) = try trimmed()
    pair.join()
    let first = pair.leader.engine.firstIndex
    pair.beforeNextPart = {
      for number in 0..<300 { pair.propose("later \(number)") }
      try pair.trim()
    }
    pair.run { pair.hasCaughtUp }
    #expect(pair.leader.engine.firstIndex > first + 100)
    #expect(pair.hasCaughtUp && pair.wasInstalled)
    #expect(pair.imageParts < 100)
    #expect(try pair.values(of: pair.follower) == pair.values(of: pair.leader))
  }

  /// Found by the simulator: the server stopped there.
  @Test func `a log that is to begin before its first segment begins where it does`() throws {
    let (pair, _) = try trimmed()
    let start = pair.leader.engine.offsets.lowerBound
    let applied = pair.leader.applied.tail.nextIndex - 1
    let asked = pair.leader.logStart(at: start / 2, applied: applied)
    #expect(asked.offset == start / 2 && asked.index == 0)
    #expect(throws: CommitLogError.offsetTruncated(offset: 1, start: start)) {
      try pair.leader.engine.lastIndex(before: 1)
    }
  }

  @Test func `a server that was away while the log's start passed it gets an image, too`() throws {
    let pair = try Pair()
    for number in 0..<50 { pair.propose("early \(number)") }
    pair.join()
    pair.run { pair.hasCaughtUp }
    #expect(pair.hasCaughtUp && !pair.wasInstalled)
    let disk = pair.followerDisk.afterPowerCutOfNothing()
    for number in 0..<600 { pair.propose("\(number)") }
    try pair.trim()
    try pair.restartFollower(disk)
    pair.run { pair.hasCaughtUp }
    #expect(pair.hasCaughtUp && pair.wasInstalled)
    #expect(try pair.values(of: pair.follower) == pair.values(of: pair.leader))
    // And all of that is on its disk.
    try pair.restartFollower(pair.followerDisk.afterPowerCutOfNothing())
    #expect(pair.follower.engine.offsets == pair.leader.engine.offsets)
    #expect(pair.follower.latest.members == Pair.members)
  }

  @Test(arguments: 0..<60)
  func `a power cut while an image takes the log's place leaves the old log or the new one`(
    operation: Int
  ) throws {
    let pair = try Pair()
    for number in 0..<150 { pair.propose("early \(number)") }
    pair.join()
    pair.run { pair.hasCaughtUp }
    let before = pair.follower.engine.offsets
    let stopped = pair.followerDisk.afterPowerCutOfNothing()
    for number in 0..<600 { pair.propose("\(number)") }
    try pair.trim()
    try pair.restartFollower(stopped)
    pair.followerDisk.faults.powerOffAfter = pair.followerDisk.calls + 8 + operation
    pair.run { pair.hasCaughtUp || pair.follower.core.isFenced }
    var random = SeededRandom(seed: UInt64(operation))
    try pair.restartFollower(pair.followerDisk.afterPowerCut(.coin, &random))
    let start = pair.follower.engine.offsets.lowerBound
    #expect(start == before.lowerBound || start == pair.leader.engine.offsets.lowerBound)
    pair.run { pair.hasCaughtUp }
    #expect(pair.hasCaughtUp)
    #expect(try pair.values(of: pair.follower) == pair.values(of: pair.leader))
  }

  @Test func `without room for an image the old log stays, and it comes again`() throws {
    let pair = try Pair()
    for number in 0..<50 { pair.propose("early \(number)") }
    pair.join()
    pair.run { pair.hasCaughtUp }
    let disk = pair.followerDisk.afterPowerCutOfNothing()
    for number in 0..<600 { pair.propose("\(number)") }
    try pair.trim()
    try pair.restartFollower(disk)
    disk.faults.capacity = disk.used
    pair.run { false }
    #expect(!pair.wasInstalled && !pair.follower.core.isFenced)
    #expect(pair.follower.committedEnd == 50)
    disk.faults.capacity = nil
    pair.run { pair.hasCaughtUp }
    #expect(pair.hasCaughtUp && pair.wasInstalled)
  }
}
