import ClusterModel
import CommitLog
import RaftCore
import RaftNode
import SimulatedDisk

/// What clients do: some write, some read; all know what they were told.
struct Workload {
  /// A client that writes. An idempotent one writes one request after the other, and each until it is answered; a plain one
  /// does not wait for answers, and writes nothing twice.
  struct Producer {
    var isIdempotent: Bool
    /// Its id and epoch, of an idempotent one that has them.
    var stamp: ProducerStamp?
    /// Where it believes the leader to be.
    var target = 0
    var sequence: UInt64 = 0
    /// The records that an idempotent one is writing now.
    var values: [UInt64] = []
    /// The last request that an idempotent one was told is in the log.
    var last: Written?
    /// It writes the same again: what became of the last attempt is not known.
    var isRetry = false
    /// Requests that are not answered.
    var outstanding = 0
  }

  /// A request that is in the log.
  struct Written {
    var values: [UInt64]
    var sequence: UInt64
    /// Where; nil: not told yet.
    var offset: UInt64?
  }

  enum Operation {
    case produce(producer: Int, values: [UInt64])
    case initProducer(producer: Int)
    /// Of what it was told is in the log, or of what comes before it in the same turn.
    case again(producer: Int, Written)
    case read(node: Int, acknowledgedBefore: UInt64)
    /// Of the membership.
    case change
    /// Of the log's start.
    case moveStart
  }

  /// A read whose index is known, which waits until its entries are applied.
  struct Read {
    var id: UInt64
    var node: Int
    var index: UInt64
    var end: UInt64
  }

  var producers: [Producer]
  var operations: [UInt64: Operation] = [:]
  var lastOperation: UInt64 = 0
  var lastValue: UInt64 = 0
  /// Values by the offset at which they were acknowledged; 0 = none was.
  var acknowledged: [UInt64] = []
  /// By value: whether it is of a producer whose values may be in the log once at most.
  var isIdempotent = [false]
  /// Behind the highest offset that was ever acknowledged.
  var acknowledgedEnd: UInt64 = 0
  var reads: [Read] = []
  var random: SeededRandom

  init(random: SeededRandom) {
    self.random = random
    producers = (0..<6).map { Producer(isIdempotent: $0 % 2 == 0) }
  }

  mutating func newOperation(_ operation: Operation) -> UInt64 {
    lastOperation += 1
    operations[lastOperation] = operation
    return lastOperation
  }

  /// From 1 on, each once.
  mutating func newValues(isIdempotent: Bool) -> [UInt64] {
    let count = 1 + random.below(3)
    let values = (0..<count).map { lastValue + UInt64($0) + 1 }
    lastValue += UInt64(count)
    self.isIdempotent += repeatElement(isIdempotent, count: count)
    return values
  }

  /// What clients were told is at `offset`.
  func told(at offset: UInt64) -> UInt64? {
    guard offset < acknowledged.count, acknowledged[Int(offset)] != 0 else { return nil }
    return acknowledged[Int(offset)]
  }

  mutating func acknowledge(_ value: UInt64, at offset: UInt64) {
    // Wild offsets are found out elsewhere.
    guard offset <= lastValue else { return }
    while acknowledged.count <= offset { acknowledged.append(0) }
    acknowledged[Int(offset)] = value
  }
}

extension Simulation {
  private static let patience: UInt64 = 2_000_000_000
  /// A client learns that nothing listens there.
  private static let refusal: UInt64 = 5_000_000
  /// Of a producer that does not wait for answers: more than it begins within `patience`, so that it goes on at its pace
  /// whatever becomes of them.
  private static let mostOutstanding = 96

  mutating func produce(_ number: Int) {
    giveRoom()
    if workload.producers[number].isIdempotent {
      produceInTurn(number)
    } else {
      // Requests that come together may share an entry.
      let count = workload.random.oneIn(8) ? 2 : 1
      queue.add(.producer(number), at: now + UInt64(count) * pause(number))
      if workload.producers[number].outstanding < Simulation.mostOutstanding {
        write(number, (0..<count).map { _ in workload.newValues(isIdempotent: false) })
      }
    }
  }

  private mutating func produceInTurn(_ number: Int) {
    guard workload.producers[number].outstanding == 0 else { return }
    guard var stamp = workload.producers[number].stamp else { return beginProducer(number) }
    if !workload.producers[number].isRetry {
      if let last = workload.producers[number].last, workload.random.oneIn(8) {
        return writeAgain(number, last, stamp)
      }
      workload.producers[number].values = workload.newValues(isIdempotent: true)
    }
    stamp.sequence = workload.producers[number].sequence
    // Now and then twice in one turn: the second is judged behind the first.
    let echoes = workload.random.oneIn(8)
    write(number, [workload.producers[number].values], stamp, echoes: echoes)
  }

  private mutating func write(
    _ number: Int, _ requests: [[UInt64]], _ stamp: ProducerStamp? = nil, echoes: Bool = false
  ) {
    verdict.proposed += requests.count
    var proposals = requests.map { values in
      Proposal(
        id: workload.newOperation(.produce(producer: number, values: values)),
        records: records(values), stamp: stamp)
    }
    if echoes, let first = requests.first, let stamp {
      let written = Workload.Written(values: first, sequence: stamp.sequence, offset: nil)
      let id = workload.newOperation(.again(producer: number, written))
      proposals.append(Proposal(id: id, records: records(first), stamp: stamp))
    }
    call(number, proposals.map(\.id)) { replica, instant in
      replica.propose(proposals, at: instant)
    }
  }

  /// What was acknowledged comes again, as after an answer that was lost: it is told of, and not written.
  private mutating func writeAgain(
    _ number: Int, _ last: Workload.Written, _ stamp: ProducerStamp
  ) {
    let id = workload.newOperation(.again(producer: number, last))
    let stamp = ProducerStamp(id: stamp.id, epoch: stamp.epoch, sequence: last.sequence)
    let proposal = Proposal(id: id, records: records(last.values), stamp: stamp)
    call(number, [id]) { replica, instant in replica.propose([proposal], at: instant) }
  }

  private func records(_ values: [UInt64]) -> [Record] {
    values.map { value in
      Record(value: withUnsafeBytes(of: value.littleEndian) { Array($0) })
    }
  }

  private mutating func beginProducer(_ number: Int) {
    let id = workload.newOperation(.initProducer(producer: number))
    call(number, [id]) { replica, instant in
      replica.initProducer(id: id, subject: "", name: "p\(number)", at: instant)
    }
  }

  private mutating func call(
    _ number: Int, _ ids: [UInt64],
    _ body: (Replica<SimulatedDisk>, Instant) -> [ReplicaEffect]
  ) {
    workload.producers[number].outstanding += ids.count
    let node = workload.producers[number].target
    let replica = nodes[node].replica
    let wait = replica == nil ? Simulation.refusal : Simulation.patience
    for id in ids { queue.add(.timeout(operation: id), at: now + wait) }
    guard let replica else { return }
    guard nodes[node].pausedUntil <= now else { return }
    clock.set(now)
    carryOut(node, body(replica, instant))
    endTurn(node)
  }

  /// Whether a client learns that its records are in the log.
  mutating func resolved(_ node: Int, _ id: UInt64, _ outcome: ProposalOutcome) -> Bool {
    guard let operation = workload.operations.removeValue(forKey: id) else {
      // The client has given up; what is acknowledged is acknowledged all the same, to nobody.
      return false
    }
    switch operation {
    case .produce(let producer, let values):
      produced(node, producer, values, outcome)
      if case .appended = outcome { return true }
    case .initProducer(let producer):
      if case .producer(let id, let epoch) = outcome {
        workload.producers[producer].stamp = ProducerStamp(id: id, epoch: epoch, sequence: 0)
        workload.producers[producer].sequence = 0
        workload.producers[producer].last = nil
        workload.producers[producer].isRetry = false
      } else {
        lookElsewhere(producer)
      }
      answered(producer)
    case .again(let producer, let written): repeated(node, producer, written, outcome)
    case .change: if case .membershipChanged = outcome { verdict.changes += 1 }
    case .read, .moveStart: break
    }
    return false
  }

  private mutating func produced(
    _ node: Int, _ producer: Int, _ values: [UInt64], _ outcome: ProposalOutcome
  ) {
    switch outcome {
    case .appended(let offset, _, _, let isDuplicate):
      acknowledge(node, offset, values, isDuplicate: isDuplicate)
      if workload.producers[producer].isIdempotent {
        let sequence = workload.producers[producer].sequence
        workload.producers[producer].last = Workload.Written(
          values: values, sequence: sequence, offset: offset)
      }
      workload.producers[producer].sequence += UInt64(values.count)
      workload.producers[producer].isRetry = false
    case .refused(.producer(let why)):
      if why == .unknown { checkUnknown(node, producer) }
      // Its life is over (another one began, or it was forgotten): it begins a new one, and does not know what became of
      // the last request.
      workload.producers[producer].stamp = nil
      workload.producers[producer].isRetry = false
    case .unknown, .refused:
      workload.producers[producer].isRetry = true
      lookElsewhere(producer)
    case .producer, .membershipChanged, .done: oracle.fail("a produce was answered with \(outcome)")
    }
    answered(producer)
  }

  private mutating func repeated(
    _ node: Int, _ producer: Int, _ written: Workload.Written, _ outcome: ProposalOutcome
  ) {
    // An echo is where the request before it was told to be.
    var expected = written.offset
    if expected == nil, let last = workload.producers[producer].last,
      last.sequence == written.sequence
    {
      expected = last.offset
    }
    switch outcome {
    case .appended(let offset, _, _, true) where offset == expected: verdict.repeats += 1
    // The request before it was given up.
    case .appended(_, _, _, true) where expected == nil: break
    case .appended(let offset, _, _, _):
      let known = expected.map { "was acknowledged at \($0)" } ?? "came before it"
      oracle.fail("n\(node + 1) writes again at \(offset) what \(known)")
    case .refused(.producer(.unknown)): checkUnknown(node, producer)
    case .unknown, .refused: lookElsewhere(producer)
    case .producer, .membershipChanged, .done: oracle.fail("a produce was answered with \(outcome)")
    }
    answered(producer)
  }

  /// A producer is unknown only to one whose log does not have it.
  private mutating func checkUnknown(_ node: Int, _ producer: Int) {
    guard let stamp = workload.producers[producer].stamp, let replica = nodes[node].replica else {
      return
    }
    let known = oracle.state(at: min(oracle.lastCommitted, replica.applied.tail.nextIndex - 1))
    if known.producers.contains(where: { $0.id == stamp.id && $0.epoch == stamp.epoch }) {
      oracle.fail("n\(node + 1) does not know producer \(stamp.id), which its log brought")
    }
  }

  private mutating func lookElsewhere(_ producer: Int) {
    let target = workload.producers[producer].target
    let leader = nodes[target].replica?.core.leader.map(number)
    let other = workload.random.below(nodes.count)
    workload.producers[producer].target = leader == target ? other : leader ?? other
  }

  /// Until the next request. Those that do not wait for answers ask 103 times a second together, so that a run counts
  /// whatever fails; those that do are about the order of requests, which does not take many.
  private mutating func pause(_ producer: Int) -> UInt64 {
    let most: UInt64 = workload.producers[producer].isIdempotent ? 215_000_000 : 48_000_000
    return 5_000_000 + workload.random.below(most)
  }

  private mutating func answered(_ producer: Int) {
    workload.producers[producer].outstanding -= 1
    guard workload.producers[producer].isIdempotent, workload.producers[producer].outstanding == 0
    else { return }
    queue.add(.producer(producer), at: now + pause(producer))
  }

  mutating func giveUp(_ id: UInt64) {
    guard let operation = workload.operations.removeValue(forKey: id) else { return }
    switch operation {
    case .produce(let producer, _):
      workload.producers[producer].isRetry = true
      lookElsewhere(producer)
      answered(producer)
    case .initProducer(let producer), .again(let producer, _):
      lookElsewhere(producer)
      answered(producer)
    case .read: workload.reads.removeAll { $0.id == id }
    case .change, .moveStart: break
    }
  }
}
