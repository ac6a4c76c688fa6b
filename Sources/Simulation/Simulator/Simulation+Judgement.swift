import ClusterModel
import CommitLog
import RaftAPI
import RaftCore
import RaftNode
import SimulatedDisk

extension Simulation {
  /// After everything a node did.
  mutating func check(_ node: Int) {
    guard let replica = nodes[node].replica else { return }
    // Field by field: a copy of the core at each event would be most of a run's time.
    let term = replica.core.hard.term
    if term < nodes[node].lastTerm { oracle.fail("the term of n\(node + 1) went back") }
    nodes[node].lastTerm = term
    let committed = replica.applied.tail.nextIndex - 1
    followStart(node, replica)
    if committed < nodes[node].lastCommit { oracle.fail("n\(node + 1) takes commits back") }
    if committed > nodes[node].lastCommit {
      nodes[node].lastCommit = committed
      finishReads(node)
    }
    let leads = replica.core.role == .leader
    if leads, !nodes[node].wasLeader {
      verdict.elections += 1
      mix(term)
      oracle.leads(id(node), term: term, firstKept: replica.core.log.firstIndex) {
        replica.core.log.term(at: $0)
      }
    }
    nodes[node].wasLeader = leads
  }

  /// An acknowledgement goes out: the entry must be on the disks of a majority.
  mutating func acknowledge(
    _ node: Int, _ offset: UInt64, _ values: [UInt64], isDuplicate: Bool
  ) {
    verdict.acknowledged += 1
    mix(offset)
    for (place, value) in values.enumerated() {
      let at = offset + UInt64(place)
      if let other = workload.told(at: at), other != value {
        oracle.fail("offset \(at) was acknowledged for \(other) and for \(value)")
      }
      workload.acknowledge(value, at: at)
    }
    let last = offset + UInt64(values.count) - 1
    workload.acknowledgedEnd = max(workload.acknowledgedEnd, last + 1)
    guard let entry = oracle.committed(holding: last) else {
      return oracle.fail("n\(node + 1) acknowledges offset \(last), which is not committed")
    }
    // What was written before is told again, maybe under another membership than it was committed in.
    guard !isDuplicate, let membership = nodes[node].replica?.core.membership else { return }
    let holders = membership.voters.count { holds(number($0), entry.index, term: entry.term) }
    if holders < membership.quorum {
      oracle.fail(
        "n\(node + 1) acknowledges offset \(last), entry \(entry.index), which \(holders) disks have"
      )
    }
  }

  /// More than the ten election timeouts for which a node heeds no leader that it does not know, and the time to catch up.
  static let patienceWithStrangers: UInt64 = 8_000_000_000

  /// A member was away while the one that leads now was added, and learns of it only when its patience is at an end.
  var someoneKnowsNoLeader: Bool {
    guard let leader, let replica = nodes[leader].replica else { return false }
    return nodes.indices.contains { node in
      guard let other = nodes[node].replica else { return false }
      return replica.core.membership.contains(id(node))
        && other.core.isStranger(id(leader))
    }
  }

  /// When all is over and has been healed for a while.
  mutating func judgeEnd() {
    let leaders = nodes.indices.filter { nodes[$0].replica?.core.role == .leader }
    guard let leader = leaders.first, leaders.count == 1, let replica = nodes[leader].replica else {
      return oracle.fail("\(leaders.count) leaders at the end, after everything was healed")
    }
    let end = replica.applied.tail
    for node in nodes.indices {
      let isMember = replica.core.membership.contains(id(node))
      guard let other = nodes[node].replica else {
        oracle.fail("n\(node + 1) is down at the end")
        continue
      }
      if isMember, other.applied.tail.nextIndex + 200 < end.nextIndex {
        oracle.fail(
          "n\(node + 1) is behind at the end: \(other.core.log.last), durable \(other.core.durable), "
            + "commit \(other.core.commit) of \(end.nextIndex - 1); the leader knows "
            + "\(replica.core.followers.filter { $0.node == id(node) })")
      }
      if isMember, other.core.isUncertain {
        oracle.fail("n\(node + 1) does not trust its log at the end")
      }
      checkState(node)
      judgeRecords(node, other)
      if isMember { judgeStart(node, other) }
    }
    if workload.acknowledgedEnd > end.nextOffset {
      oracle.fail("\(workload.acknowledgedEnd) was acknowledged, the log ends at \(end.nextOffset)")
    }
    if verdict.proposed > 0, verdict.acknowledged == 0 {
      oracle.fail("nothing was ever acknowledged")
    }
  }

  /// What the log's start took away is gone, unless a look at it has failed or is under way.
  private mutating func judgeStart(_ node: Int, _ replica: Replica<SimulatedDisk>) {
    // Who looks but once may have found no room.
    guard plan.conditions.looksAfter > 0, !nodes[node].hasStoppedLooking, !nodes[node].isLooking
    else { return }
    let (start, told) = (replica.engine.offsets.lowerBound, replica.applied.start.offset)
    if start != told { oracle.fail("n\(node + 1) begins at \(start), and not at \(told)") }
  }

  /// The log as a reader of this node sees it against what clients were told.
  private mutating func judgeRecords(_ node: Int, _ replica: Replica<SimulatedDisk>) {
    let reader = EngineReader(replica.engine)
    let end = replica.committedEnd
    var offset = replica.engine.offsets.lowerBound
    var isSeen = Array(repeating: false, count: workload.isIdempotent.count)
    while offset < end {
      let records: [Record]
      do throws(CommitLogError) {
        records = try reader.read(from: offset, maxRecords: 1_000, maxBytes: 1 << 20)
      } catch {
        return oracle.fail("n\(node + 1) cannot read its log at \(offset): \(error)")
      }
      guard !records.isEmpty else {
        return oracle.fail("n\(node + 1) ends at \(offset), not \(end)")
      }
      for record in records where offset < end {
        let value = record.value.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        if record.offset != offset { oracle.fail("n\(node + 1) has \(record.offset) at \(offset)") }
        if let told = workload.told(at: offset), told != value {
          oracle.fail("n\(node + 1) has \(value) at \(offset), \(told) was acknowledged there")
        }
        guard value > 0, value <= workload.lastValue else {
          return oracle.fail("\(value) was never written")
        }
        if workload.isIdempotent[Int(value)], isSeen[Int(value)] {
          oracle.fail("n\(node + 1) has the idempotent value \(value) twice")
        }
        isSeen[Int(value)] = true
        offset += 1
      }
    }
  }
}
