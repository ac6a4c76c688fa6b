import RaftCore
import ClusterModel
import CommitLog
import RaftNode
import SimulatedDisk

/// What clients do: some write, plainly or as idempotent producers, some read; all know what they were told.
struct Workload {
  struct Producer {
    /// Its id and epoch; nil for one that writes plainly, or has none yet.
    var stamp: ProducerStamp?
    var isIdempotent: Bool
    /// Where it believes the leader to be.
    var target = 0
    var sequence: UInt64 = 0
    /// The records it is writing now.
    var values: [UInt64] = []
    var operation: UInt64?
    /// It writes the same again: what became of the last attempt is not known.
    var isRetry = false
  }

  enum Operation {
    case produce(producer: Int, values: [UInt64])
    case initProducer(producer: Int)
    case read(node: Int, acknowledgedBefore: UInt64)
  }

  var producers: [Producer]
  var operations: [UInt64: Operation] = [:]
  var lastOperation: UInt64 = 0
  var lastValue: UInt64 = 0
  /// Values by the offset at which they were acknowledged.
  var acknowledged: [UInt64: UInt64] = [:]
  /// Values of producers that may be in the log once at most.
  var idempotent: Set<UInt64> = []
  /// Behind the highest offset that was ever acknowledged.
  var acknowledgedEnd: UInt64 = 0
  var reads: [UInt64: (node: Int, index: UInt64, end: UInt64)] = [:]
  var random: SeededRandom

  init(random: SeededRandom) {
    self.random = random
    producers = (0..<5).map { Producer(isIdempotent: $0 % 2 == 0) }
  }

  mutating func newOperation(_ operation: Operation) -> UInt64 {
    lastOperation += 1
    operations[lastOperation] = operation
    return lastOperation
  }
}

extension Simulation {
  private static let patience: UInt64 = 2_000_000_000

  mutating func produce(_ number: Int) {
    giveRoom()
    var producer = workload.producers[number]
    guard producer.operation == nil else { return }
    if producer.isIdempotent, producer.stamp == nil {
      return beginProducer(number)
    }
    if !producer.isRetry {
      let count = 1 + workload.random.below(3)
      producer.values = (0..<count).map { workload.lastValue + UInt64($0) + 1 }
      workload.lastValue += UInt64(count)
      if producer.isIdempotent { workload.idempotent.formUnion(producer.values) }
      verdict.proposed += 1
    }
    let id = workload.newOperation(.produce(producer: number, values: producer.values))
    producer.operation = id
    workload.producers[number] = producer
    let records = producer.values.map { value in
      Record(value: withUnsafeBytes(of: value.littleEndian) { Array($0) })
    }
    var stamp = producer.stamp
    stamp?.sequence = producer.sequence
    call(number, id) { replica, instant in
      replica.propose([Proposal(id: id, records: records, stamp: stamp)], at: instant)
    }
  }

  private mutating func beginProducer(_ number: Int) {
    let id = workload.newOperation(.initProducer(producer: number))
    workload.producers[number].operation = id
    call(number, id) { replica, instant in
      replica.initProducer(id: id, subject: "", name: "p\(number)", at: instant)
    }
  }

  private mutating func call(
    _ number: Int, _ id: UInt64,
    _ body: (Replica<SimulatedDisk>, Instant) -> [ReplicaEffect]
  ) {
    let node = workload.producers[number].target
    queue.add(.timeout(operation: id), at: now + Simulation.patience)
    guard let replica = nodes[node].replica, nodes[node].pausedUntil <= now else { return }
    clock.set(now)
    carryOut(node, body(replica, instant))
    endTurn(node)
  }

  mutating func resolved(_ node: Int, _ id: UInt64, _ outcome: ProposalOutcome) {
    guard let operation = workload.operations.removeValue(forKey: id) else {
      // The client has given up; what is acknowledged is acknowledged all the same, to nobody.
      return
    }
    switch operation {
    case .produce(let producer, let values): produced(node, producer, values, outcome)
    case .initProducer(let producer):
      if case .producer(let id, let epoch) = outcome {
        workload.producers[producer].stamp = ProducerStamp(id: id, epoch: epoch, sequence: 0)
        workload.producers[producer].sequence = 0
        workload.producers[producer].isRetry = false
      } else {
        lookElsewhere(producer)
      }
      next(producer)
    case .read: break
    }
  }

  private mutating func produced(
    _ node: Int, _ producer: Int, _ values: [UInt64], _ outcome: ProposalOutcome
  ) {
    let isIdempotent = workload.producers[producer].isIdempotent
    switch outcome {
    case .appended(let offset, _, _, _):
      acknowledge(node, offset, values)
      workload.producers[producer].sequence += UInt64(values.count)
      workload.producers[producer].isRetry = false
    case .refused(.producer):
      // Its life is over (another one began, or it was forgotten): it begins a new one, and does not know what became of
      // the last request.
      workload.producers[producer].stamp = nil
      workload.producers[producer].isRetry = false
    case .unknown, .refused:
      workload.producers[producer].isRetry = isIdempotent || !isUnknown(outcome)
      lookElsewhere(producer)
    case .producer, .membershipChanged, .done: oracle.fail("a produce was answered with \(outcome)")
    }
    next(producer)
  }

  private func isUnknown(_ outcome: ProposalOutcome) -> Bool {
    if case .unknown = outcome { true } else { false }
  }

  private mutating func lookElsewhere(_ producer: Int) {
    let target = workload.producers[producer].target
    let leader = nodes[target].replica?.core.leader.map(number)
    let other = workload.random.below(nodes.count)
    workload.producers[producer].target = leader == target ? other : leader ?? other
  }

  private mutating func next(_ producer: Int) {
    workload.producers[producer].operation = nil
    let pause = 1_000_000 + workload.random.below(24_000_000 as UInt64)
    queue.add(.producer(producer), at: now + pause)
  }

  mutating func giveUp(_ id: UInt64) {
    guard let operation = workload.operations.removeValue(forKey: id) else { return }
    switch operation {
    case .produce(let producer, _):
      workload.producers[producer].isRetry = workload.producers[producer].isIdempotent
      lookElsewhere(producer)
      next(producer)
    case .initProducer(let producer):
      lookElsewhere(producer)
      next(producer)
    case .read: workload.reads[id] = nil
    }
  }

  // MARK: Reads

  /// Asks some node for what is true now.
  mutating func read(_ reader: Int) {
    queue.add(.reader(reader), at: now + 15_000_000 + workload.random.below(20_000_000 as UInt64))
    let node = workload.random.below(nodes.count)
    guard let replica = nodes[node].replica, nodes[node].pausedUntil <= now else { return }
    let id = workload.newOperation(
      .read(node: node, acknowledgedBefore: workload.acknowledgedEnd))
    queue.add(.timeout(operation: id), at: now + Simulation.patience)
    carryOut(node, replica.handle(.read(id: id), at: instant))
    endTurn(node)
  }

  mutating func readReady(_ node: Int, _ id: UInt64, _ index: UInt64) {
    guard case .read(let asked, let end)? = workload.operations[id], asked == node else { return }
    workload.reads[id] = (node, index, end)
    finishReads(node)
  }

  mutating func readFailed(_ id: UInt64) { workload.operations[id] = nil }

  /// Answers the reads whose entries are applied.
  mutating func finishReads(_ node: Int) {
    guard !workload.reads.isEmpty, let replica = nodes[node].replica else { return }
    let applied = replica.applied.tail.nextIndex - 1
    for (id, read) in workload.reads.sorted(by: { $0.key < $1.key })
    where read.node == node && read.index <= applied {
      workload.reads[id] = nil
      workload.operations[id] = nil
      verdict.reads += 1
      if replica.committedEnd < read.end {
        oracle.fail(
          "a read of n\(node + 1) ends at \(replica.committedEnd), and \(read.end) was acknowledged before"
        )
      }
    }
  }
}
