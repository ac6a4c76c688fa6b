import ClusterModel
import CommitLog
import RaftAPI
package import RaftCore
import RaftNode
import SimulatedDisk

/// A cluster in one thread: the node's own replica on simulated disks, network and clocks. The same seed gives the same run.
package struct Simulation {
  package struct Options: Sendable {
    package var seed: UInt64
    package var nodes = 3
    /// Simulated nanoseconds.
    package var duration: UInt64 = 60_000_000_000
    package var profile: Profile?
    package var plan: Plan?
    package var mutant: RaftMutant?
    /// fdatasync does nothing: a control, which must be found.
    package var syncLies = false
    /// Told of every message that arrives and every fault, from this moment on.
    package var traceFrom: UInt64 = .max
    package var trace: (@Sendable (String) -> Void)?

    package init(seed: UInt64) { self.seed = seed }
  }

  /// What came of a run.
  package struct Verdict: Sendable, CustomStringConvertible {
    package var seed: UInt64
    package var nodes: Int
    package var profile: Profile
    package var breach: String?
    /// When that was, in simulated nanoseconds.
    package var breachTime: UInt64 = 0
    package var events = 0
    package var faults = 0
    package var proposed = 0
    package var acknowledged = 0
    package var reads = 0
    /// Requests that were in the log already, and answered as such.
    package var repeats = 0
    package var elections = 0
    /// Of the membership, that were committed.
    package var changes = 0
    /// Entries that moved the log's start.
    package var trims = 0
    /// Segments that nodes removed because of that.
    package var segments = 0
    /// Nodes that got an empty disk.
    package var wipes = 0
    /// Images that took the place of a node's log.
    package var images = 0
    /// Over all that happened, in order.
    package var traceHash: UInt64 = 0xCBF2_9CE4_8422_2325

    package var description: String {
      let outcome = breach.map { "BREACH at \(breachTime / 1_000_000) ms: \($0)" } ?? "ok"
      return "seed \(seed), \(nodes) nodes, \(profile.rawValue): \(outcome); \(events) events, "
        + "\(faults) faults, \(elections) elections, \(acknowledged) of \(proposed) acknowledged, "
        + "\(reads) reads, \(changes) changes, \(trims) trims, \(segments) segments removed, \(images) images, \(wipes) wipes, "
        + "trace \(String(traceHash, radix: 16))"
    }
  }

  let options: Options
  let plan: Plan
  var verdict: Verdict
  let watcher: Watcher
  var oracle: Oracle {
    get { watcher.oracle }
    nonmutating _modify { yield &watcher.oracle }
  }
  var queue = EventQueue()
  var network: Network
  var nodes: [SimulatedNode]
  var workload: Workload
  var now: UInt64 = 0
  var random: SeededRandom
  var diskRandom: SeededRandom
  /// The nemesis is done: from now on the cluster must work.
  var isHealed = false
  let clock = SimulatedClock()
  /// When full disks have room again.
  var roomAgain: [UInt64]
  /// Nodes whose log's end is damaged, and which have not started since.
  var damaged: [Bool]
  var ambushes: [Ambush] = []

  package init(_ options: Options) {
    var root = SeededRandom(seed: options.seed)
    // A stream for each part, so that taking a fault away does not change the others.
    var planRandom = root.fork()
    let networkRandom = root.fork()
    diskRandom = root.fork()
    let workloadRandom = root.fork()
    random = root.fork()
    let profile = options.profile ?? Profile.chosen(&planRandom)
    self.options = options
    plan =
      options.plan
      ?? Plan(profile, nodes: options.nodes, duration: options.duration, random: &planRandom)
    verdict = Verdict(seed: options.seed, nodes: options.nodes, profile: profile)
    let total = options.nodes + plan.conditions.spares
    network = Network(nodes: total, random: networkRandom)
    nodes = (0..<total).map(SimulatedNode.init)
    workload = Workload(random: workloadRandom)
    roomAgain = Array(repeating: .max, count: total)
    damaged = Array(repeating: false, count: total)
    watcher = Watcher(Oracle(founders: Simulation.founders(options.nodes)))
  }

  /// Runs to the end or to the first breach.
  package mutating func run() -> Verdict {
    for node in nodes.indices { start(node) }
    for (place, step) in plan.steps.enumerated() { queue.add(.nemesis(place), at: step.time) }
    queue.add(.nemesis(-1), at: options.duration - 3_500_000_000)
    for producer in workload.producers.indices {
      queue.add(.producer(producer), at: 1_000_000 * UInt64(producer + 1))
    }
    for reader in 0..<plan.conditions.readers {
      queue.add(.reader(reader), at: 5_000_000 * UInt64(reader + 1))
    }
    go(until: options.duration)
    if someoneKnowsNoLeader {
      // What is asked for in that time is no part of what a run must have to count.
      let counted = (verdict.proposed, verdict.acknowledged)
      go(until: options.duration + Simulation.patienceWithStrangers)
      (verdict.proposed, verdict.acknowledged) = counted
    }
    if oracle.breach == nil { judgeEnd() }
    verdict.trims = oracle.starts.count
    verdict.breach = oracle.breach
    verdict.breachTime = now
    return verdict
  }

  private mutating func go(until end: UInt64) {
    while oracle.breach == nil, let first = queue.nextTime, first <= end,
      let (time, happening) = queue.next()
    {
      now = time
      verdict.events += 1
      mix(time)
      happen(happening)
    }
  }

  func note(_ what: @autoclosure () -> String) {
    guard now >= options.traceFrom, let trace = options.trace else { return }
    trace("\(Double(now / 1_000) / 1_000_000) \(what())")
  }

  /// FNV-1a, a word at a time.
  mutating func mix(_ word: UInt64) {
    verdict.traceHash = (verdict.traceHash ^ word) &* 0x100_0000_01B3
  }

  private mutating func happen(_ happening: EventQueue.Happening) {
    switch happening {
    case .arrives(let parcel): arrive(parcel)
    case .timer(let node, let life): fire(node, life)
    case .diskDone(let node, let life): finishJob(node, life)
    case .nemesis(let place):
      if place < 0 { healAll() } else if !isHealed { strike(plan.steps[place].fault) }
    case .producer(let producer): produce(producer)
    case .reader(let reader): read(reader)
    case .timeout(let operation): giveUp(operation)
    case .start(let node): if !nodes[node].isUp { start(node) }
    case .crash(let node, let life, let time): finishAmbush(node, life, time)
    case .asked(let node, let life, let change):
      if nodes[node].life == life { ask(for: change, of: node) }
    case .disconnected(let node, let life, let other): disconnected(node, life, from: other)
    case .nemesisRestart(let node, let life): restartFenced(node, life)
    case .look(let node, let life): lookAgain(node, life)
    case .compacted(let node, let life, let last): compacted(node, life, last)
    case .moveStart(let node, let life, let start): moveStart(node, life, start)
    }
  }

  // MARK: Nodes

  var instant: Instant { Instant(nanoseconds: now + 1_000_000_000) }

  func id(_ node: Int) -> NodeID { nodes[node].id }
  func number(_ id: NodeID) -> Int { Int(id.low) - 1 }

  private func settings(_ node: Int) -> Replica<SimulatedDisk>.Settings {
    var settings = Replica<SimulatedDisk>.Settings()
    settings.log.segmentBytes = plan.conditions.segmentBytes
    settings.log.indexBytes = 12 * 256
    settings.log.reserveStep = plan.conditions.segmentBytes / 4
    settings.log.retention.bytes = plan.conditions.retentionBytes
    settings.appendBytes = plan.conditions.appendBytes
    settings.raft.electionTimeout = plan.conditions.electionTimeout
    settings.raft.windowMessages = 8
    let (clock, skew) = (clock, nodes[node].clockSkew)
    settings.log.clock = { clock.now(skew: skew) }
    let identity = LogIdentity(
      clusterID: UniqueID(high: 7, low: 7),
      storageID: UniqueID(high: id(node).high, low: id(node).low),
      logInstanceID: UniqueID(high: 9, low: 9))
    settings.log.newIdentity = { identity }
    return settings
  }

  mutating func start(_ node: Int) {
    clock.set(now)
    nodes[node].disk.faults.syncLies = options.syncLies
    do throws(CommitLogError) {
      // Who is in no group yet learns of it from the log.
      nodes[node].replica = try Replica(
        "/data", disk: nodes[node].disk, settings: settings(node),
        founders: isFounder(node) ? founders() : [], isNew: nodes[node].isNew,
        random: random.fork(), mutant: options.mutant, at: instant)
    } catch {
      return refusedToStart(node, error)
    }
    checkKept(node)
    watch(node)
    nodes[node].beginLife()
    checkState(node)
    setTimer(node)
    lookAgain(node, nodes[node].life)
  }

  /// A log whose acknowledged end is damaged, and says so, is not opened: then it was not cut either. The disk is given
  /// back as it was.
  private mutating func refusedToStart(_ node: Int, _ error: CommitLogError) {
    if case .io = error {
      // The disk failed as it was told to; it is tried again.
      nodes[node].disk = nodes[node].disk.afterPowerCut(.all, &diskRandom)
      queue.add(.start(node: node), at: now + 50_000_000)
      return
    }
    guard damaged[node], case .corrupt = error else {
      return oracle.fail("n\(node + 1) does not start: \(error)")
    }
    damaged[node] = false
    nodes[node].disk.undoDamage()
    queue.add(.start(node: node), at: now + 1_000_000)
  }

  /// Tells the oracle of each entry of the node.
  private mutating func watch(_ node: Int) {
    damaged[node] = false
    guard let replica = nodes[node].replica else { return }
    let watcher = watcher
    replica.onEntry = { [unowned replica] entry, isApplied in
      if isApplied {
        watcher.oracle.applies(node, entry, in: replica.core.hard.term)
      } else {
        // The core knows of all entries of a message before the first of them is told of here.
        let before = replica.core.log.term(at: entry.header.index - 1)
        watcher.oracle.stands(node, entry.header, behind: before)
      }
    }
  }

  /// The process is gone; with `power` also what its disk had not synced. What the disk was at happened in part.
  mutating func stop(_ node: Int, power: Bool) {
    guard nodes[node].isUp else { return }
    if nodes[node].isDiskBusy, let job = nodes[node].jobs.first, let replica = nodes[node].replica {
      let calls = nodes[node].disk.calls
      nodes[node].disk.faults.powerOffAfter = calls + diskRandom.below(job.mostCalls)
      switch job {
      case .replica(let job): _ = replica.disk.perform(job)
      case .retention:
        _ = try? replica.lookAtRetention(
          retentionLook(replica), checkpointed: &nodes[node].checkpointed)
      }
    }
    nodes[node].kept = kept(node)
    nodes[node].isDoubtful = nodes[node].replica?.core.isUncertain ?? false
    nodes[node].replica = nil
    nodes[node].life += 1
    let fate: CrashFate = power ? CrashFate.allCases[diskRandom.below(4)] : .all
    note("n\(node + 1) stops, \(fate)")
    nodes[node].disk = nodes[node].disk.afterPowerCut(fate, &diskRandom)
    nodes[node].disk.faults.syncLies = options.syncLies
  }

  mutating func setTimer(_ node: Int) {
    guard let replica = nodes[node].replica else { return }
    let time = max(now, replica.deadline.nanoseconds - 1_000_000_000)
    guard time < nodes[node].timer || nodes[node].timer <= now else { return }
    nodes[node].timer = time
    queue.add(.timer(node: node, life: nodes[node].life), at: time)
  }

  private mutating func fire(_ node: Int, _ life: Int) {
    guard nodes[node].life == life, let replica = nodes[node].replica else { return }
    // One that an earlier one has been set in place of.
    guard nodes[node].timer == now else { return }
    if nodes[node].pausedUntil > now { nodes[node].timer = nodes[node].pausedUntil }
    if postpone(.timer(node: node, life: life), node) { return }
    nodes[node].timer = .max
    if replica.deadline <= instant { carryOut(node, replica.handle(.tick, at: instant)) }
    endTurn(node)
  }

  /// A process that is stopped takes nothing in; all of it comes when it goes on.
  mutating func postpone(_ happening: EventQueue.Happening, _ node: Int) -> Bool {
    guard nodes[node].pausedUntil > now else { return false }
    queue.add(happening, at: nodes[node].pausedUntil)
    return true
  }

  private mutating func arrive(_ parcel: Parcel) {
    guard let replica = nodes[parcel.to].replica, id(parcel.to) == parcel.receiver else { return }
    if postpone(.arrives(parcel), parcel.to) { return }
    note("n\(parcel.from + 1) -> n\(parcel.to + 1) \(parcel.packet.message)")
    mix(UInt64(parcel.from) << 8 | UInt64(parcel.to))
    mix(UInt64(parcel.packet.frames.count))
    clock.set(now)
    carryOut(
      parcel.to, replica.receive(parcel.packet, from: parcel.sender, at: instant))
    endTurn(parcel.to)
  }

  mutating func endTurn(_ node: Int) {
    guard let replica = nodes[node].replica else { return }
    carryOut(node, replica.endTurn(at: instant))
    check(node)
    setTimer(node)
  }

  mutating func carryOut(_ node: Int, _ effects: [ReplicaEffect]) {
    let life = nodes[node].life
    // An ambush may end the process in the middle of what it does.
    for effect in effects where nodes[node].life == life {
      switch effect {
      case .send(let packet, let target):
        send(node, packet, to: target)
        hasSent(node, packet.message)
      case .disk(let job):
        nodes[node].jobs.append(.replica(job))
        beginJob(node)
        if job.isWrite, isLeader(node) { spring(.wrote, node) }
        if case .install = job { spring(.installing, node) }
      case .resolved(let id, let outcome):
        if resolved(node, id, outcome) { spring(.acknowledged, node) }
      case .committed: if isLeader(node) { spring(.committed, node) }
      case .readReady(let id, let index): readReady(node, id, index)
      case .readFailed(let id): readFailed(id)
      case .roleChanged: if isLeader(node), !nodes[node].wasLeader { spring(.won, node) }
      case .membershipChanged, .withdrawn, .imageNeeded, .refused: break
      case .imageInstalled(let index, _): hasInstalled(node, index)
      case .damaged(let error): oracle.fail("n\(node + 1) cannot read its log: \(error)")
      }
    }
  }

  private func isLeader(_ node: Int) -> Bool { nodes[node].replica?.core.role == .leader }

  /// An ambush may wait for what it has just said.
  private mutating func hasSent(_ node: Int, _ message: Message) {
    switch message {
    case .voteAnswer(let answer) where answer.isGranted: spring(.voted, node)
    case .image: spring(.sentImage, node)
    case .imageAnswer: spring(.tookPart, node)
    default: break
    }
  }

  private mutating func hasInstalled(_ node: Int, _ index: UInt64) {
    verdict.images += 1
    mix(index)
    note("n\(node + 1) has an image of all up to \(index)")
    checkState(node)
    spring(.installed, node)
  }

  private mutating func send(_ node: Int, _ packet: Packet, to target: NodeID) {
    var isAnswer = false
    switch packet.message {
    case .vote(let request): oracle.votes(id(node), term: request.term, for: id(node))
    case .voteAnswer(let answer):
      isAnswer = true
      if answer.isGranted { oracle.votes(id(node), term: answer.electionTerm, for: target) }
    case .preVoteAnswer, .appendAnswer, .imageAnswer: isAnswer = true
    default: break
    }
    let to = number(target)
    // Who has another disk now listens under another name.
    guard target == id(to) else { return }
    let (first, second) = network.delays(from: node, to: to, isAnswer: isAnswer)
    for delay in [first, second] {
      guard let delay else { continue }
      let parcel = Parcel(
        from: node, to: to, sender: id(node), receiver: target, packet: packet)
      queue.add(.arrives(parcel), at: now + delay)
    }
  }
}
