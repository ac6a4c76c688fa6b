internal import Synchronization

/// Appends records one by one, gathered into batches of which several are under way.
///
/// Records are written in the order in which `send` was called by one task. After a failure every
/// later `send` throws: what follows a record that was not written is never written.
public actor Producer {
  private let options: ProducerOptions
  private let stream: ProduceStream
  private var batch: ProduceBatch
  private var receipts: [Receipt] = []
  private var lingering: Task<Void, Never>?
  /// Whoever hands a batch over goes before those who come later.
  private var isSubmitting = false
  private var turnWaiters: [CheckedContinuation<Void, Never>] = []
  private var failure: DistlogError?

  init(_ options: ProducerOptions, on stream: ProduceStream) {
    self.options = options
    self.stream = stream
    batch = ProduceBatch(log: options.log)
  }

  /// Adds a record; waits while too many batches are unacknowledged.
  ///
  /// - Returns: where the record's offset can be had once it is acknowledged.
  @discardableResult
  public func send(_ record: Record) async throws(DistlogError) -> Receipt {
    // Other tasks may fill the batch again while this one waits.
    while failure == nil, !hasRoom(for: record) {
      if isSubmitting { await turn() } else { try await submit() }
    }
    if let failure { throw failure }
    batch.append(record)
    let receipt = Receipt()
    receipts.append(receipt)
    if isFull {
      try await submit()
    } else if lingering == nil {
      linger()
    }
    return receipt
  }

  private var isFull: Bool {
    batch.count >= min(options.maxRecords, ProduceBatch.maxRecords)
      || batch.bytes >= options.batchBytes
  }

  /// Whether a record fits into the request. A record alone always does: the server judges it.
  private func hasRoom(for record: Record) -> Bool {
    batch.isEmpty
      || !isFull && batch.bytes + ProduceBatch.mostBytes(of: record) <= ProduceBatch.maxBytes
  }

  /// Sends what was gathered, without waiting for the acknowledgement.
  public func flush() async throws(DistlogError) { try await submit() }

  /// Sends what was gathered and waits until everything is acknowledged. Nothing can be sent after.
  public func finish() async throws(DistlogError) {
    // Other tasks may add records while this one waits.
    repeat { try await submit() } while !batch.isEmpty
    failure = failure ?? .closed
    try await stream.finish()
  }

  private func linger() {
    lingering = Task { [options] in
      try? await Task.sleep(for: options.linger)
      guard !Task.isCancelled else { return }
      // The failure is kept, and thrown by the next call.
      try? await self.submit()
    }
  }

  /// Waits until the batch that is being handed over is.
  private func turn() async { await withCheckedContinuation { turnWaiters.append($0) } }

  private func submit() async throws(DistlogError) {
    while isSubmitting { await turn() }
    lingering?.cancel()
    lingering = nil
    if let failure { throw failure }
    guard !batch.isEmpty else { return }
    let full = batch
    let waiting = receipts
    batch = ProduceBatch(log: options.log, capacity: full.bytes)
    receipts = []
    isSubmitting = true
    defer {
      isSubmitting = false
      let waiters = turnWaiters
      turnWaiters = []
      for waiter in waiters { waiter.resume() }
    }
    do {
      try await stream.submit(full) { result in
        for (index, receipt) in waiting.enumerated() { receipt.settle(result, index: index) }
      }
    } catch {
      failure = error
      // Nobody submits what was gathered meanwhile, and somebody may wait for it.
      for receipt in waiting + receipts { receipt.settle(.failure(error), index: 0) }
      receipts = []
      throw error
    }
  }
}

/// A promise of the offset of one record.
public final class Receipt: Sendable {
  private enum State {
    case waiting([CheckedContinuation<Void, Never>])
    case settled(Result<UInt64, DistlogError>)
  }

  private let state = Mutex(State.waiting([]))

  init() {}

  /// Waits until the record is acknowledged, and gives its offset.
  public func offset() async throws(DistlogError) -> UInt64 {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let isSettled = state.withLock { state in
        guard case .waiting(let waiters) = state else { return true }
        state = .waiting(waiters + [continuation])
        return false
      }
      if isSettled { continuation.resume() }
    }
    let result = state.withLock { state -> Result<UInt64, DistlogError> in
      guard case .settled(let result) = state else { return .failure(.closed) }
      return result
    }
    return try result.get()
  }

  func settle(_ result: Result<Acknowledgement, DistlogError>, index: Int) {
    let offset = result.map { $0.offsets.lowerBound + UInt64(index) }
    let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
      guard case .waiting(let waiters) = state else { return [] }
      state = .settled(offset)
      return waiters
    }
    for waiter in waiters { waiter.resume() }
  }
}
