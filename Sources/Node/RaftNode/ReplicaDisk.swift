package import CommitLog

/// A replica's files: what its disk thread works on. One job at a time.
package final class ReplicaDisk<D: Disk>: @unchecked Sendable {
  // Sendable: the engine is; `hardState` is touched by whoever performs jobs alone.
  package let engine: LogEngine<D>
  private var hardState: HardStateFile<D.File>

  init(_ engine: LogEngine<D>, _ hardState: HardStateFile<D.File>) {
    self.engine = engine
    self.hardState = hardState
  }

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
        engine.noteCommitted(committed)
        let (_, error) = engine.write([batch])
        guard let error else { return .written(ticket: ticket, batch) }
        guard error.isRetryable else { throw error }
        return .full(batch, ticket: ticket, committed: committed)
      case .confirmTail:
        try engine.confirmTail()
        return .confirmed
      }
    } catch {
      return .failed(error)
    }
  }
}
