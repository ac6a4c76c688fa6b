import CommitLog
import ClusterModel
import RaftCore
import RaftNode
import SimulatedDisk

extension Simulation {
  /// What the disk of a node that runs holds for certain.
  func kept(_ node: Int) -> KeptLog {
    guard let replica = nodes[node].replica else { return nodes[node].kept }
    // What the node holds for durable, as far as the log on the disk goes: a wrong core is not taken at its word.
    let end = replica.engine.tail.nextIndex - 1
    return KeptLog(log: replica.core.log, durable: min(end, replica.core.durable))
  }

  /// Whether the node's disk has the entry, or had it when it was damaged: what it acknowledged before counts, and others
  /// have it for certain.
  func holds(_ node: Int, _ index: UInt64, term: UInt64) -> Bool {
    kept(node).holds(index, term: term) || nodes[node].lost.holds(index, term: term)
  }

  /// Nothing that was durable may be gone when a node starts again.
  func checkKept(_ node: Int) {
    guard !damaged[node], let replica = nodes[node].replica else { return }
    let kept = nodes[node].kept
    let index = kept.durable
    let before = replica.core.log.before
    guard let term = kept.log.term(at: index), index > before.index else { return }
    // An image ends with a committed entry: what stood there in a log that has another one was not committed, nor what was
    // behind it (rule 21).
    if before.index > kept.log.before.index, !kept.log.contains(before) { return }
    if replica.core.log.term(at: index) != term {
      oracle.fail(
        "n\(node + 1) starts without its entry \(index) of term \(term), which was on its disk")
    }
  }

  private func isInDoubt(_ node: Int) -> Bool {
    damaged[node] || nodes[node].isDoubtful || nodes[node].replica?.core.isUncertain == true
  }

  /// Whether one that knows what it has holds all that was committed, and all of the node's own: what the node has
  /// acknowledged may be about to be counted.
  private func isHeldElsewhere(_ node: Int) -> Bool {
    guard let own = nodes[node].replica?.core.log.last else { return false }
    return others(node).contains { other in
      guard nodes[other].isUp else { return false }
      let log = kept(other)
      return log.durable >= oracle.lastCommitted && log.holds(own.index, term: own.term)
    }
  }

  mutating func damageTail(_ node: Int, _ time: UInt64) {
    guard nodes[node].isUp, !nodes.indices.contains(where: isInDoubt), isHeldElsewhere(node) else {
      return
    }
    nodes[node].lost = kept(node)
    stop(node, power: true)
    damaged[node] = nodes[node].disk.tearTail(&diskRandom)
    queue.add(.start(node: node), at: now + time)
  }
}
