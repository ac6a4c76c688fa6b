import CommitLog
import RaftAPI
import RaftCore
import RaftNode
import SimulatedDisk

/// What a node has made of its log, however it came by it.
extension Simulation {
  /// Behind an image, a start or the end of all: the state is what follows from the entries that were committed, and the
  /// log begins where all have agreed that it does.
  mutating func checkState(_ node: Int) {
    guard let replica = nodes[node].replica else { return }
    let before = replica.core.log.before
    if !oracle.hasCommitted(before.index, term: before.term) {
      return oracle.fail("the log of n\(node + 1) begins behind \(before), which is not committed")
    }
    let index = replica.applied.tail.nextIndex - 1
    guard index <= oracle.lastCommitted else {
      return oracle.fail("n\(node + 1) takes entry \(index) for committed, which it is not")
    }
    if let what = oracle.state(at: index).difference(from: replica.applied) {
      oracle.fail("n\(node + 1) is wrong as of entry \(index): \(what)")
    }
    if MembersEntry(replica.latest.members).membership != replica.core.membership {
      oracle.fail("n\(node + 1) does not go by the members that its log brings")
    }
    checkStart(node)
  }

  /// Nothing goes before all have agreed that it may; what is gone is answered as such.
  mutating func checkStart(_ node: Int) {
    guard let replica = nodes[node].replica else { return }
    let start = replica.engine.offsets.lowerBound
    if start > oracle.start.offset {
      oracle.fail(
        "n\(node + 1) begins at \(start), and the log at \(oracle.start.offset) by what is committed"
      )
    }
    guard start > 0 else { return }
    do throws(CommitLogError) {
      _ = try EngineReader(replica.engine).read(from: start - 1, maxRecords: 1, maxBytes: 1)
      oracle.fail("n\(node + 1) serves \(start - 1), which is before its start")
    } catch {
      guard case .offsetTruncated = error else {
        return oracle.fail("n\(node + 1) says of a record before its start: \(error)")
      }
    }
  }

  /// The log's start as of the entries applied: the same everywhere, and never further back.
  mutating func followStart(_ node: Int, _ replica: Replica<SimulatedDisk>) {
    let start = replica.applied.start
    guard start != nodes[node].start else { return }
    let told = oracle.start(at: replica.applied.tail.nextIndex - 1)
    if start.offset != told.offset || start.index != told.index {
      oracle.fail(
        "the log of n\(node + 1) starts at \(start.offset), that of others at \(told.offset)")
    }
    nodes[node].start = start
    look(node)
  }
}
