package import ClusterModel
import CommitLog
import RaftCore

extension Replica {
  /// Takes entries at the log's end into account, not yet applied.
  func extend(_ entries: [PendingEntry]) {
    for entry in entries {
      latest.apply(entry, core.mutant)
      pending.append(entry)
      onEntry?(entry, false)
    }
    if core.mutant == .logStartBeforeCommit { applied.start = latest.start }
  }

  func truncate(from index: UInt64) {
    pending.removeAll { $0.header.index >= index }
    if core.mutant != .offsetsOutliveTruncation { latest = applied }
    for entry in pending { latest.apply(entry, core.mutant) }
    effects.append(.disk(.truncate(from: index)))
  }

  /// Takes back the entries that are not on this node's disk, for which it has no room; only while `core.canWithdraw`.
  package func withdraw(at now: Instant) -> [ReplicaEffect] {
    within(now) {
      let index = core.durable + 1
      guard index <= core.log.lastIndex else { return }
      perform(core.handle(.withdrawn(from: index), at: now))
      pending.removeAll { $0.header.index >= index }
      latest = applied
      for entry in pending { latest.apply(entry) }
      for waiter in waiters where waiter.index >= index {
        effects.append(.resolved(id: waiter.id, .refused(.diskFull)))
      }
      waiters.removeAll { $0.index >= index }
      isDiskFull = false
      effects.append(.withdrawn(from: index))
    }
  }

  func apply(through index: UInt64) {
    var count = 0
    while count < pending.count, pending[count].header.index <= index {
      applied.apply(pending[count], core.mutant)
      onEntry?(pending[count], true)
      count += 1
    }
    pending.removeFirst(count)
    effects.append(.committed(index: index, end: applied.tail.nextOffset))
    resolveWaiters(through: index)
  }

  private func resolveWaiters(through index: UInt64) {
    var left = 0
    for place in waiters.indices {
      if waiters[place].index <= index {
        effects.append(.resolved(id: waiters[place].id, waiters[place].outcome))
      } else {
        waiters.swapAt(left, place)
        left += 1
      }
    }
    waiters.removeSubrange(left...)
  }

  /// Leadership has ended: nobody knows what becomes of the entries that were not committed (RAFT-RULES 23).
  func abandonWaiters() {
    let abandoned = waiters
    waiters.removeAll()
    for waiter in abandoned {
      let outcome = ProposalOutcome.unknown(term: core.hard.term, index: waiter.index)
      effects.append(.resolved(id: waiter.id, outcome))
    }
  }

  /// Answers now, or when the entry that the answer rests on is committed.
  func resolve(_ id: UInt64, _ outcome: ProposalOutcome, restingOn index: UInt64) {
    if index < applied.tail.nextIndex {
      effects.append(.resolved(id: id, outcome))
    } else {
      waiters.append(Waiter(id: id, index: index, outcome: outcome))
    }
  }
}
