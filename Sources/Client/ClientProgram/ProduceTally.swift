package import DistlogClient
internal import Synchronization

/// What is known of the requests sent: acknowledged, failed. Told on an event loop, read anywhere.
package final class ProduceTally: Sendable {
  package struct Counts: Sendable {
    package var records: UInt64 = 0
    package var bytes: UInt64 = 0
    package var lastOffset: UInt64?
    package var latency = LatencyHistogram()
    /// The first request that failed; those after it failed with it.
    package var failed: (batch: ProduceBatch, error: DistlogError)?
  }

  private struct State {
    var counts = Counts()
    /// Not printed yet.
    var acknowledgements: [Acknowledgement] = []
  }

  private let state = Mutex(State())
  private let keepsAcknowledgements: Bool

  package init(keepsAcknowledgements: Bool) {
    self.keepsAcknowledgements = keepsAcknowledgements
  }

  package var counts: Counts { state.withLock { $0.counts } }

  package func takeAcknowledgements() -> [Acknowledgement] {
    state.withLock { state in
      let taken = state.acknowledgements
      state.acknowledgements = []
      return taken
    }
  }

  package func completed(
    _ batch: ProduceBatch, _ result: Result<Acknowledgement, DistlogError>, after: Duration
  ) {
    state.withLock { state in
      switch result {
      case .success(let acknowledgement):
        state.counts.records += UInt64(batch.count)
        state.counts.bytes += batch.valueBytes
        state.counts.lastOffset = acknowledgement.offsets.upperBound
        state.counts.latency.record(after)
        if keepsAcknowledgements { state.acknowledgements.append(acknowledgement) }
      case .failure(let error):
        if state.counts.failed == nil { state.counts.failed = (batch, error) }
      }
    }
  }
}
