import ClusterModel
import CommitLog
import RaftAPI
import RaftCore
import RaftNode
import SimulatedDisk

/// The log's start: clients and the leader's own retention move it, and every node drops what lies before.
extension Simulation {
  /// The runner looks from time to time, and when the start has moved.
  mutating func lookAgain(_ node: Int, _ life: Int) {
    guard nodes[node].life == life, plan.conditions.looksAfter > 0 else { return }
    queue.add(.look(node: node, life: life), at: now + plan.conditions.looksAfter)
    look(node)
  }

  mutating func look(_ node: Int) {
    guard nodes[node].isUp, !nodes[node].isLooking, !nodes[node].hasStoppedLooking else { return }
    nodes[node].isLooking = true
    nodes[node].jobs.append(.retention)
    beginJob(node)
  }

  /// On the disk's thread: what the event loop hears of it, it hears somewhat later.
  mutating func lookAtRetention(_ node: Int, _ replica: Replica<SimulatedDisk>) {
    nodes[node].isLooking = false
    do throws(CommitLogError) {
      switch try replica.lookAtRetention(
        retentionLook(replica), checkpointed: &nodes[node].checkpointed)
      {
      case .nothing: return
      case .removed(let step, let last):
        mix(step.removed.upperBound)
        note("n\(node + 1) removes \(step.removed), all entries up to \(last)")
        verdict.segments += 1
        checkStart(node)
        queue.add(.compacted(node: node, life: nodes[node].life, through: last), at: soon())
        // One segment a look, so that writes get their turn.
        look(node)
      case .moveStart(let start):
        queue.add(.moveStart(node: node, life: nodes[node].life, start), at: soon())
      }
    } catch {
      // The runner looks no more, but for want of room.
      nodes[node].hasStoppedLooking = !error.isRetryable
    }
  }

  func retentionLook(_ replica: Replica<SimulatedDisk>) -> RetentionLook {
    RetentionLook(
      start: replica.applied.start, applied: replica.applied.tail.nextIndex - 1,
      retention: replica.retention(replica.applied.settings),
      mayPropose: replica.core.role == .leader && replica.core.hasCommittedInTerm,
      isDiskFull: replica.isDiskFull)
  }

  private mutating func soon() -> UInt64 { now + 10_000 + diskRandom.below(1_500_000 as UInt64) }

  mutating func compacted(_ node: Int, _ life: Int, _ last: UInt64) {
    guard nodes[node].life == life, let replica = nodes[node].replica else { return }
    if postpone(.compacted(node: node, life: life, through: last), node) { return }
    carryOut(node, replica.handle(.compacted(through: last), at: instant))
    endTurn(node)
    spring(.removed, node)
  }

  mutating func moveStart(_ node: Int, _ life: Int, _ start: LogStart) {
    guard nodes[node].life == life, let replica = nodes[node].replica else { return }
    if postpone(.moveStart(node: node, life: life, start), node) { return }
    guard start.isBeyond(replica.latest.start) else { return }
    begin(node, replica, at: start)
  }

  /// Somebody asks the leader to forget what is before so many percent of the records that it may serve.
  mutating func trim(percent: Int) {
    guard let leader, let replica = nodes[leader].replica else { return }
    let offset = replica.committedEnd * UInt64(percent) / 100
    begin(
      leader, replica,
      at: replica.logStart(at: offset, applied: replica.applied.tail.nextIndex - 1))
  }

  private mutating func begin(
    _ node: Int, _ replica: Replica<SimulatedDisk>, at start: LogStart
  ) {
    oracle.asks(for: start)
    clock.set(now)
    let operation = workload.newOperation(.moveStart)
    carryOut(node, replica.moveStart(id: operation, to: start, at: instant))
    endTurn(node)
  }
}
