import ClusterModel
import CommitLog
import RaftNode
import SimulatedDisk

/// What a node's disk is given to do.
enum NodeJob {
  case replica(DiskJob)
  /// A look at what is kept of the log, as the node's runner takes one from time to time.
  case retention

  /// Calls of the disk within which a crash may end it.
  var mostCalls: Int {
    switch self {
    case .replica(.install): 64
    case .replica: 6
    case .retention: 32
    }
  }
}

/// Disks do one job after the other, each in its time.
extension Simulation {
  mutating func beginJob(_ node: Int) {
    guard nodes[node].isUp, !nodes[node].isDiskBusy, !nodes[node].jobs.isEmpty else { return }
    nodes[node].isDiskBusy = true
    let time = 80_000 + diskRandom.below(600_000 as UInt64) + nodes[node].slowness
    queue.add(.diskDone(node: node, life: nodes[node].life), at: now + time)
  }

  mutating func finishJob(_ node: Int, _ life: Int) {
    guard nodes[node].life == life, let replica = nodes[node].replica else { return }
    if postpone(.diskDone(node: node, life: life), node) { return }
    let job = nodes[node].jobs.removeFirst()
    clock.set(now)
    nodes[node].isDiskBusy = false
    switch job {
    case .replica(let job): finishJob(node, replica, job)
    case .retention:
      lookAtRetention(node, replica)
      beginJob(node)
    }
  }

  private mutating func finishJob(
    _ node: Int, _ replica: Replica<SimulatedDisk>, _ job: DiskJob
  ) {
    let result = replica.disk.perform(job)
    note("n\(node + 1) disk: \(job) -> \(result)")
    if case .full(let batch, let ticket, let committed) = result {
      // It waits for room.
      nodes[node].jobs.insert(
        .replica(.write(batch, ticket: ticket, committed: committed)), at: 0)
      nodes[node].isDiskBusy = true
      queue.add(.diskDone(node: node, life: nodes[node].life), at: now + 50_000_000)
    }
    if case .failed(let error) = result {
      mix(99)
      guard case .io = error else {
        if case .poisoned = error {} else { oracle.fail("n\(node + 1): \(error)") }
        return failed(node, replica, result)
      }
      return failed(node, replica, result)
    }
    carryOut(node, replica.done(result, at: instant))
    beginJob(node)
    endTurn(node)
  }

  /// The node is fenced; somebody starts it again after a while.
  private mutating func failed(
    _ node: Int, _ replica: Replica<SimulatedDisk>, _ result: DiskResult
  ) {
    nodes[node].jobs = []
    carryOut(node, replica.done(result, at: instant))
    nodes[node].jobs = []
    endTurn(node)
    queue.add(.nemesisRestart(node: node, life: nodes[node].life), at: now + 700_000_000)
  }

  mutating func restartFenced(_ node: Int, _ life: Int) {
    guard nodes[node].life == life else { return }
    stop(node, power: true)
    start(node)
  }
}
