import ClusterModel
import CommitLog
import RaftCore
import RaftNode

/// Clients that ask for what is true now.
extension Simulation {
  private static let patienceOfReaders: UInt64 = 2_000_000_000

  mutating func read(_ reader: Int) {
    queue.add(.reader(reader), at: now + 15_000_000 + workload.random.below(20_000_000 as UInt64))
    let node = workload.random.below(nodes.count)
    guard let replica = nodes[node].replica, nodes[node].pausedUntil <= now else { return }
    let id = workload.newOperation(
      .read(node: node, acknowledgedBefore: workload.acknowledgedEnd))
    queue.add(.timeout(operation: id), at: now + Simulation.patienceOfReaders)
    carryOut(node, replica.handle(.read(id: id), at: instant))
    endTurn(node)
  }

  mutating func readReady(_ node: Int, _ id: UInt64, _ index: UInt64) {
    guard case .read(let asked, let end)? = workload.operations[id], asked == node else { return }
    workload.reads.append(Workload.Read(id: id, node: node, index: index, end: end))
    finishReads(node)
  }

  mutating func readFailed(_ id: UInt64) { workload.operations[id] = nil }

  /// Answers the reads whose entries are applied.
  mutating func finishReads(_ node: Int) {
    guard !workload.reads.isEmpty, let replica = nodes[node].replica else { return }
    let applied = replica.applied.tail.nextIndex - 1
    let (end, reads) = (replica.committedEnd, workload.reads)
    for read in reads where read.node == node && read.index <= applied {
      workload.reads.removeAll { $0.id == read.id }
      workload.operations[read.id] = nil
      verdict.reads += 1
      if end < read.end {
        oracle.fail(
          "a read of n\(node + 1) ends at \(end), and \(read.end) was acknowledged before")
      }
    }
  }
}
