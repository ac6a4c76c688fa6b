import ClusterModel
package import CommitLog
import RaftAPI
import RaftCore

/// A replica's files: what its disk thread works on. One job at a time.
package final class ReplicaDisk<D: Disk>: @unchecked Sendable {
  // Sendable: the engine is; `hardState` is touched by whoever performs jobs alone.
  package let engine: LogEngine<D>
  private var hardState: HardStateFile<D.File>
  private let founders: [MemberEntry]
  /// Set by the simulator only.
  let mutant: RaftMutant?
  /// Of the present turn.
  private var lastError: CommitLogError?

  init(
    _ engine: LogEngine<D>, _ hardState: HardStateFile<D.File>, founders: [MemberEntry],
    mutant: RaftMutant? = nil
  ) {
    self.engine = engine
    self.hardState = hardState
    self.founders = founders
    self.mutant = mutant
  }

  /// Does jobs in their order, writes that follow each other with as few writes and syncs as segments allow. Ends with the
  /// first that fails or finds no room.
  package func perform(_ jobs: [DiskJob]) -> DiskTurn {
    var turn = DiskTurn(results: [], left: [])
    lastError = nil
    var next = 0
    while next < jobs.count {
      let end = jobs[next...].firstIndex { !$0.isWrite } ?? jobs.count
      if end - next > 1 {
        next += write(Array(jobs[next..<end]), &turn)
      } else {
        turn.results.append(perform(jobs[next]))
        next += 1
      }
      switch turn.results.last {
      case .failed: return turn
      case .full:
        turn.noRoom = lastError
        let rest = jobs[(next - 1)...]
        turn.left = rest.filter { !$0.isSave }
        // The vote has its room already, and must not wait for the log's (RAFT-RULES 39).
        for save in rest where save.isSave { turn.results.append(perform(save)) }
        return turn
      default: break
      }
    }
    return turn
  }

  /// Several writes at once; how many jobs have a result.
  private func write(_ jobs: [DiskJob], _ turn: inout DiskTurn) -> Int {
    var batches: [FrameBatch] = []
    var mark: UInt64 = 0
    for case .write(let batch, _, let committed) in jobs {
      mark = max(mark, committed)
      batches.append(batch)
    }
    let (written, error) = engine.write(batches, committed: mark)
    for case .write(let batch, let ticket, _) in jobs[..<written] {
      turn.results.append(.written(ticket: ticket, batch))
    }
    guard let error, case .write(let batch, let ticket, let committed) = jobs[written] else {
      return written
    }
    lastError = error
    turn.results.append(
      error.isRetryable ? .full(batch, ticket: ticket, committed: committed) : .failed(error))
    return written + 1
  }

  private func readImage(for node: NodeID, _ session: UInt64) -> DiskResult {
    do throws(CommitLogError) {
      var state = try OpenedLog.base(of: engine, founders: founders)
      if let kept = try checkpoints.stateBefore(engine.firstIndex) { state = kept }
      return .image(state, for: node, session: session)
    } catch {
      return .noImage(error)
    }
  }

  /// A crash at any moment leaves the old log, or the file that lets the next start finish this.
  private func install(_ state: ReplicatedState) throws(CommitLogError) -> DiskResult {
    if mutant == .imageSwitchedBeforeDurable { try engine.restart(behind: state.tail) }
    do throws(CommitLogError) {
      try checkpoints.file(Checkpoints<D>.image).write(state)
    } catch {
      guard error.isRetryable else { throw error }
      return .notInstalled
    }
    try engine.restart(behind: state.tail)
    try checkpoints.adoptImage(state)
    return .installed(state)
  }

  private var checkpoints: Checkpoints<D> { Checkpoints(folder: engine.folder, disk: engine.disk) }

  package func perform(_ job: DiskJob) -> DiskResult {
    do throws(CommitLogError) {
      switch job {
      case .save(let state):
        try hardState.save(state)
        return .saved
      case .truncate(let index):
        try engine.truncateSuffix(fromIndex: index)
        return .truncated
      case .write(let batch, let ticket, let committed):
        let (_, error) = engine.write([batch], committed: committed)
        guard let error else { return .written(ticket: ticket, batch) }
        lastError = error
        guard error.isRetryable else { throw error }
        return .full(batch, ticket: ticket, committed: committed)
      case .confirmTail:
        try engine.confirmTail()
        return .confirmed
      case .readImage(let node, let session):
        return readImage(for: node, session)
      case .install(let state): return try install(state)
      }
    } catch {
      return .failed(error)
    }
  }
}
