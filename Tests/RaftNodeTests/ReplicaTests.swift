import ClusterModel
import CommitLog
import RaftAPI
import RaftCore
import RaftNode
import SimulatedDisk
import Testing

/// A replica of a group of one, its disk worked at once.
private struct Single {
  let disk: SimulatedDisk
  let replica: Replica<SimulatedDisk>
  var now = Instant(nanoseconds: 1_000_000_000)
  var outcomes: [UInt64: ProposalOutcome] = [:]
  /// Entries are not written.
  private var savesOnly = false
  private var last: UInt64 = 0

  init(
    _ disk: SimulatedDisk = SimulatedDisk(), isNew: Bool = true, retention: UInt64 = 0,
    worksDisk: Bool = true
  ) throws(CommitLogError) {
    self.disk = disk
    replica = try Single.open(disk, isNew: isNew, retention: retention, at: now)
    now = replica.deadline
    savesOnly = !worksDisk
    carryOut(replica.handle(.tick, at: now))
  }

  /// As it is before its clock moves: what is known of a log is what is on its disk.
  static func open(
    _ disk: SimulatedDisk, isNew: Bool = false, retention: UInt64 = 0,
    at now: Instant = Instant(nanoseconds: 1_000_000_000)
  ) throws(CommitLogError) -> Replica<SimulatedDisk> {
    var settings = Replica<SimulatedDisk>.Settings()
    settings.log.segmentBytes = 4096
    settings.log.indexBytes = 1200
    settings.log.reserveStep = 4096
    settings.log.retention = Retention(bytes: retention)
    let identity = LogIdentity(
      clusterID: UniqueID(high: 1, low: 1), storageID: UniqueID(high: 0, low: 1),
      logInstanceID: UniqueID(high: 1, low: 3))
    settings.log.newIdentity = { identity }
    let founder = MemberEntry(NodeID(low: 1), name: "n1", address: "", isLearner: false)
    return try Replica(
      "/data", disk: disk, settings: settings, founders: [founder], isNew: isNew,
      random: SeededRandom(seed: 1), at: now)
  }

  mutating func carryOut(_ effects: [ReplicaEffect]) {
    for effect in effects {
      switch effect {
      case .disk(let job) where savesOnly && job.isWrite: break
      case .disk(let job): carryOut(replica.done(replica.disk.perform(job), at: now))
      case .resolved(let id, let outcome): outcomes[id] = outcome
      default: break
      }
    }
  }

  /// Proposes without working the disk: the jobs.
  mutating func gather(_ value: String) -> [DiskJob] {
    last += 1
    let proposal = Proposal(id: last, records: [Record(value: Array(value.utf8))])
    return replica.propose([proposal], at: now).compactMap { effect in
      if case .disk(let job) = effect { job } else { nil }
    }
  }

  mutating func carryOut(_ turn: DiskTurn) {
    for result in turn.results { carryOut(replica.done(result, at: now)) }
  }

  mutating func propose(
    _ values: [String], stamp: ProducerStamp? = nil, expecting offset: UInt64? = nil,
    as subject: String = ""
  ) -> ProposalOutcome? {
    last += 1
    let records = values.map { Record(value: Array($0.utf8)) }
    let proposal = Proposal(
      id: last, records: records, subject: subject, stamp: stamp, expectedOffset: offset)
    carryOut(replica.propose([proposal], at: now))
    return outcomes[last]
  }

  /// Requests of one record each that come together.
  mutating func propose(
    together requests: [(value: String, stamp: ProducerStamp?, expecting: UInt64?)]
  ) -> [ProposalOutcome?] {
    let first = last + 1
    last += UInt64(requests.count)
    carryOut(
      replica.propose(
        requests.enumerated().map { place, request in
          Proposal(
            id: first + UInt64(place), records: [Record(value: Array(request.value.utf8))],
            stamp: request.stamp, expectedOffset: request.expecting)
        }, at: now))
    return (first...last).map { outcomes[$0] }
  }

  mutating func initProducer(as subject: String = "", name: String = "") -> ProducerStamp? {
    last += 1
    carryOut(replica.initProducer(id: last, subject: subject, name: name, at: now))
    guard case .producer(let id, let epoch)? = outcomes[last] else { return nil }
    return ProducerStamp(id: id, epoch: epoch, sequence: 0)
  }

  /// Removes what retention lets go; how many segments went.
  func applyRetention() throws(CommitLogError) -> Int {
    let applied = replica.applied.tail.nextIndex - 1
    var count = 0
    while try replica.engine.applyRetention({ last throws(CommitLogError) in
      try replica.keepState(through: last, applied: applied)
    }) != nil { count += 1 }
    return count
  }

  func records() throws(CommitLogError) -> [String] {
    let reader = EngineReader(replica.engine)
    let end = replica.committedEnd
    let records = try reader.read(from: 0, maxRecords: 10_000, maxBytes: 1 << 20)
    return records.prefix(Int(end)).map { String(decoding: $0.value, as: UTF8.self) }
  }
}

@Suite struct ReplicaTests {
  private func appended(
    _ offset: UInt64, _ count: UInt64 = 1, isDuplicate: Bool = false
  ) -> ProposalOutcome {
    .appended(offset: offset, count: count, term: 1, isDuplicate: isDuplicate)
  }

  @Test func `offsets are dense although control entries lie between`() throws {
    var single = try Single()
    #expect(single.propose(["a", "b"]) == appended(0, 2))
    _ = single.initProducer()
    #expect(single.propose(["c"]) == appended(2))
    #expect(try single.records() == ["a", "b", "c"])
    #expect(single.replica.core.log.lastIndex == 4)
  }

  @Test func `an expected offset that is not the next is refused with the next`() throws {
    var single = try Single()
    #expect(single.propose(["a"], expecting: 0) == appended(0))
    #expect(single.propose(["b"], expecting: 0) == .refused(.offsetMismatch(next: 1)))
    #expect(single.propose(["b"], expecting: 1) == appended(1))
    #expect(try single.records() == ["a", "b"])
  }

  @Test func `requests that come together share entries, each judged behind those before it`()
    throws
  {
    var single = try Single()
    let stamp = single.initProducer() ?? ProducerStamp(id: 0, epoch: 0, sequence: 0)
    func at(_ sequence: UInt64) -> ProducerStamp {
      ProducerStamp(id: stamp.id, epoch: stamp.epoch, sequence: sequence)
    }
    let before = single.replica.core.log.lastIndex
    let outcomes = single.propose(together: [
      ("a", nil, nil), ("b", nil, 1), ("lost", nil, 1), ("c", at(0), nil), ("d", at(1), nil),
      ("c", at(0), nil), ("early", at(7), nil), ("e", at(2), 4), ("f", nil, nil),
    ])
    #expect(
      outcomes == [
        appended(0), appended(1), .refused(.offsetMismatch(next: 2)), appended(2), appended(3),
        appended(2, isDuplicate: true), .refused(.producer(.gap(expected: 2))), appended(4),
        appended(5),
      ])
    #expect(single.replica.core.log.lastIndex == before + 3, "others', the producer's, others'")
    #expect(try single.records() == ["a", "b", "c", "d", "e", "f"])
    let again = single.propose(together: [("d", at(1), nil), ("g", at(3), nil)])
    #expect(again == [appended(3, isDuplicate: true), appended(6)])
  }

  @Test func `a repeat of what is committed waits for nothing that is placed before it`() throws {
    var single = try Single()
    let stamp = single.initProducer() ?? ProducerStamp(id: 0, epoch: 0, sequence: 0)
    #expect(single.propose(["a"], stamp: stamp) == appended(0))
    let proposals = [
      Proposal(id: 100, records: [Record(value: [1])]),
      Proposal(id: 101, records: [Record(value: Array("a".utf8))], stamp: stamp),
    ]
    let answered = single.replica.propose(proposals, at: single.now).compactMap { effect in
      if case .resolved(let id, let outcome) = effect { (id, outcome) } else { nil }
    }
    #expect(answered.map(\.0) == [101])
    #expect(answered.map(\.1) == [appended(0, isDuplicate: true)])
  }

  @Test func `a log that begins further on knows that the entry that says so is committed`() throws
  {
    var single = try Single()
    for number in 0..<8 { _ = single.propose(["\(number)"]) }
    let replica = single.replica
    let start = replica.logStart(at: 5, applied: replica.applied.tail.nextIndex - 1)
    single.carryOut(replica.moveStart(id: 100, to: start, at: single.now))
    #expect(single.outcomes[100] == .done)
    let look = RetentionLook(
      start: replica.applied.start, applied: replica.applied.tail.nextIndex - 1,
      retention: Retention(), mayPropose: false, isDiskFull: false)
    var checkpointed: UInt64 = 0
    _ = try replica.lookAtRetention(look, checkpointed: &checkpointed)
    #expect(replica.engine.offsets.lowerBound == 5)
    let opened = try Single.open(single.disk.afterPowerCutOfNothing())
    #expect(opened.engine.offsets.lowerBound == 5)
    #expect(opened.applied.start == replica.applied.start)
    #expect(opened.applied.tail.nextIndex == replica.applied.tail.nextIndex)
  }

  @Test func `an idempotent producer's repeats are not appended, across restarts too`() throws {
    var single = try Single()
    var stamp = single.initProducer() ?? ProducerStamp(id: 0, epoch: 0, sequence: 0)
    #expect(single.propose(["a", "b"], stamp: stamp) == appended(0, 2))
    #expect(single.propose(["a", "b"], stamp: stamp) == appended(0, 2, isDuplicate: true))
    var again = try Single(single.disk.afterPowerCutOfNothing(), isNew: false)
    #expect(
      again.propose(["a", "b"], stamp: stamp)
        == .appended(offset: 0, count: 2, term: 2, isDuplicate: true))
    stamp.sequence = 5
    #expect(
      again.propose(["z"], stamp: stamp) == .refused(.producer(.gap(expected: 2))))
    stamp.sequence = 2
    #expect(again.propose(["c"], stamp: stamp, as: "mallory") == .refused(.producer(.notYours)))
    #expect(
      again.propose(["c"], stamp: stamp)
        == .appended(offset: 2, count: 1, term: 2, isDuplicate: false))
    #expect(try again.records() == ["a", "b", "c"])
  }

  @Test func `a new life of a named producer fences the old one`() throws {
    var single = try Single()
    let old =
      single.initProducer(as: "alice", name: "orders")
      ?? ProducerStamp(id: 0, epoch: 0, sequence: 0)
    let new =
      single.initProducer(as: "alice", name: "orders")
      ?? ProducerStamp(id: 0, epoch: 0, sequence: 0)
    #expect(new.id == old.id && new.epoch == old.epoch + 1)
    #expect(
      single.propose(["a"], stamp: old, as: "alice")
        == .refused(.producer(.fenced(epoch: new.epoch))))
    #expect(single.propose(["a"], stamp: new, as: "alice") == appended(0))
  }

  @Test func `a full disk refuses, keeps what was taken, and goes on when there is room`() throws {
    var single = try Single()
    #expect(single.propose(["a"]) == appended(0))
    single.disk.faults.capacity = single.disk.used
    var refused = false
    for _ in 0..<200 {
      let outcome = single.propose([String(repeating: "x", count: 100)])
      if outcome == .refused(.diskFull) {
        refused = true
        break
      }
    }
    #expect(refused)
    #expect(single.replica.core.role == .leader)
  }

  @Test func `writes that wait for the disk go as one, across segments too`() throws {
    var single = try Single()
    let jobs = (0..<100).flatMap { single.gather("\($0)") }
    #expect(jobs.count == 100)
    let syncs = single.disk.syncs
    let turn = single.replica.disk.perform(jobs)
    #expect(turn.left.isEmpty)
    #expect(turn.results.count == 100)
    // Each roll syncs several files; one sync for each write would be 100.
    #expect(single.disk.syncs - syncs < 60)
    single.carryOut(turn)
    #expect(single.outcomes.count == 100)
    #expect(single.outcomes[100] == appended(99))
    #expect(try single.records() == (0..<100).map { "\($0)" })
  }

  @Test func `what finds no room waits in its order, and is written when there is some`() throws {
    var single = try Single()
    _ = single.propose(["first"])
    single.disk.faults.capacity = 0
    let jobs = (0..<100).flatMap { single.gather("\($0)") }
    let turn = single.replica.disk.perform(jobs)
    // What fitted in the space reserved before may be there.
    #expect(turn.results.count + turn.left.count == 101)
    single.carryOut(turn)
    #expect(single.replica.isDiskFull)
    #expect(single.propose(["refused"]) == .refused(.diskFull))
    single.disk.faults.capacity = nil
    let rest = single.replica.disk.perform(turn.left)
    #expect(rest.left.isEmpty)
    single.carryOut(rest)
    #expect(!single.replica.isDiskFull)
    #expect(try single.records() == ["first"] + (0..<100).map { "\($0)" })
  }

  @Test func `alone, what a full disk refuses is taken back, and its offsets are given out again`()
    throws
  {
    var single = try Single()
    #expect(single.propose(["kept"]) != nil)
    let jobs = single.gather("refused")
    single.disk.faults.capacity = single.disk.used
    // What fits into reserved space is written; so it is filled first.
    var turn = single.replica.disk.perform(jobs)
    var count: UInt64 = 2
    while turn.left.isEmpty {
      single.carryOut(turn)
      count += 1
      turn = single.replica.disk.perform(single.gather("refused"))
    }
    single.carryOut(turn)
    #expect(single.replica.isDiskFull)
    #expect(single.replica.core.canWithdraw)
    single.carryOut(single.replica.withdraw(at: single.now))
    #expect(single.outcomes[count] == .refused(.diskFull))
    single.disk.faults.capacity = nil
    let outcome = single.propose(["written"])
    #expect(outcome == .appended(offset: count - 1, count: 1, term: 1, isDuplicate: false))
    #expect(try single.records().last == "written")
  }

  @Test func `alone, what is on the disk is committed at once when it starts`() throws {
    var single = try Single()
    for number in 0..<5 { _ = single.propose(["\(number)"]) }
    let again = try Single(single.disk.afterPowerCutOfNothing(), isNew: false, worksDisk: false)
    #expect(again.replica.core.role == .leader)
    #expect(again.replica.committedEnd == 5)
  }

  @Test func `a vote is saved although the log finds no room`() throws {
    var single = try Single()
    single.disk.faults.capacity = 0
    let state = HardState(term: 7, vote: NodeID(low: 2))
    let jobs = (0..<100).flatMap { single.gather("\($0)") } + [.save(state)]
    let turn = single.replica.disk.perform(jobs)
    guard case .saved? = turn.results.last else {
      Issue.record("\(turn)")
      return
    }
    #expect(turn.results.contains { if case .full = $0 { true } else { false } })
    #expect(!turn.left.isEmpty && turn.left.allSatisfy { !$0.isSave })
    let file = try HardStateFile(
      in: "/data/logs/\(single.replica.engine.identity.logInstanceID)", of: NodeID(low: 1),
      disk: single.disk, isNew: false)
    #expect(file.current == state)
  }

  @Test func `after a write that failed nothing behind it is written`() throws {
    var single = try Single()
    _ = single.propose(["first"])
    let jobs = (0..<3).flatMap { single.gather("\($0)") }
    single.disk.faults.failingCall = single.disk.calls + 1
    let turn = single.replica.disk.perform(jobs)
    #expect(turn.left.isEmpty)
    guard case .failed? = turn.results.last else {
      Issue.record("\(turn)")
      return
    }
    single.carryOut(turn)
    #expect(single.replica.core.isFenced)
    #expect(single.replica.core.role != .leader)
    #expect(single.outcomes[2] == .unknown(term: 1, index: 3))
  }

  @Test func `what removed entries brought is known after a restart`() throws {
    var single = try Single(retention: 3000)
    let made = single.initProducer(as: "s", name: "p")
    let stamp = try #require(made)
    #expect(single.propose(["first"], stamp: stamp, as: "s") != nil)
    for number in 0..<300 { _ = single.propose(["\(number)"]) }
    #expect(try single.applyRetention() > 2)
    #expect(try single.applyRetention() == 0)
    for number in 0..<300 { _ = single.propose(["again \(number)"]) }
    // The checkpoint of before goes on from where it was.
    #expect(try single.applyRetention() > 2)
    let start = single.replica.engine.offsets.lowerBound
    #expect(start > 300)
    let end = single.replica.committedEnd
    var again = try Single(single.disk.afterPowerCutOfNothing(), isNew: false, retention: 3000)
    #expect(again.replica.engine.offsets.lowerBound == start)
    #expect(again.replica.latest.members.map(\.name) == ["n1"])
    #expect(
      again.propose(["first"], stamp: stamp, as: "s")
        == .appended(offset: 0, count: 1, term: 2, isDuplicate: true))
    let next = ProducerStamp(id: stamp.id, epoch: stamp.epoch, sequence: 1)
    #expect(
      again.propose(["second"], stamp: next, as: "s")
        == .appended(offset: end, count: 1, term: 2, isDuplicate: false))
  }

  @Test(arguments: 0..<40)
  func `a power cut while entries are removed leaves them or what they brought`(
    operation: Int
  ) throws {
    var single = try Single(retention: 3000)
    let made = single.initProducer(as: "s", name: "p")
    let stamp = try #require(made)
    for number in 0..<300 { _ = single.propose(["\(number)"]) }
    single.disk.faults.powerOffAfter = single.disk.calls + operation
    _ = try? single.applyRetention()
    var random = SeededRandom(seed: UInt64(operation))
    let disk = single.disk.afterPowerCut(.coin, &random)
    var again = try Single(disk, isNew: false, retention: 3000)
    #expect(
      again.propose(["next"], stamp: stamp, as: "s")
        == .appended(offset: 300, count: 1, term: 2, isDuplicate: false))
    #expect(again.replica.latest.members.map(\.name) == ["n1"])
  }

  @Test func `a folder of a single node opens as a replica unchanged`() throws {
    let disk = SimulatedDisk()
    var options = CommitLog.Options()
    options.segmentBytes = 4096
    options.indexBytes = 1200
    options.reserveStep = 4096
    let identity = LogIdentity(
      clusterID: UniqueID(high: 1, low: 1), storageID: UniqueID(high: 0, low: 1),
      logInstanceID: UniqueID(high: 1, low: 3))
    options.newIdentity = { identity }
    let engine = try LogEngine("/data", disk: disk, options: options)
    for number in 0..<60 { _ = try engine.append([Record(value: Array("\(number)".utf8))]) }
    try engine.close()
    var single = try Single(disk.afterPowerCutOfNothing())
    #expect(single.replica.committedEnd == 60)
    #expect(
      single.propose(["more"]) == .appended(offset: 60, count: 1, term: 2, isDuplicate: false))
    #expect(try single.records().count == 61)
  }
}

extension SimulatedDisk {
  /// As the next start finds it after the process alone has ended.
  func afterPowerCutOfNothing() -> SimulatedDisk {
    var random = SeededRandom(seed: 1)
    return afterPowerCut(.all, &random)
  }
}
