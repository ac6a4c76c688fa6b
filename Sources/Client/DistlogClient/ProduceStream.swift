package import GRPCWire
internal import LogAPI
internal import NIOCore
internal import Protobuf
package import RPC
internal import Synchronization

/// One ProduceStream call: batches go out as long as few enough are unacknowledged, and are
/// acknowledged in their order.
///
/// What is shared lies behind a lock; the rest belongs to the channel's event loop, hence unchecked.
package final class ProduceStream: @unchecked Sendable {
  package typealias Completion = @Sendable (Result<Acknowledgement, DistlogError>) -> Void

  private struct Shared {
    /// Handed over and not yet given to the call.
    var outgoing: [Pending] = []
    var isDrainScheduled = false
    /// Handed over and not completed.
    var inFlight = 0
    var roomWaiters: [CheckedContinuation<Void, Never>] = []
    var endWaiters: [CheckedContinuation<Void, Never>] = []
    var failure: DistlogError?
    var hasEnded = false
  }

  private struct Pending {
    let batch: ProduceBatch
    let done: Completion
  }

  private let channel: RPCChannel
  private let maxInFlight: Int
  private let timeout: Duration
  private let shared = Mutex(Shared())

  // On the event loop.
  private var call: ClientCall?
  private var unanswered = CircularBuffer<Pending>()
  private var lastProgress = NIODeadline.now()
  private var watch: RepeatedTask?
  private var ownFailure: DistlogError?

  /// - Parameter timeout: the longest wait for the next acknowledgement while any is due.
  package init(on channel: RPCChannel, maxInFlight: Int, timeout: Duration) {
    self.channel = channel
    self.maxInFlight = max(1, maxInFlight)
    self.timeout = timeout
    channel.eventLoop.execute { self.open() }
  }

  // MARK: - From anywhere

  /// Hands a batch over; waits while too many are unacknowledged.
  ///
  /// `done` is called once, on the event loop, unless this throws: then the batch was not written.
  package func submit(
    _ batch: ProduceBatch, done: @escaping Completion
  ) async throws(DistlogError) {
    let pending = Pending(batch: batch, done: done)
    while true {
      switch enqueue(pending) {
      case .queued: return
      case .drain: return channel.eventLoop.execute { self.drain() }
      case .failed(let error): throw error
      case .full: await room()
      }
    }
  }

  private enum Admission {
    case queued
    /// Queued, and the event loop is to be told.
    case drain
    case full
    case failed(DistlogError)
  }

  private func enqueue(_ pending: Pending) -> Admission {
    shared.withLock { shared in
      if let failure = shared.failure { return .failed(failure.notWritten) }
      if shared.hasEnded { return .failed(.closed) }
      guard shared.inFlight < maxInFlight else { return .full }
      shared.inFlight += 1
      shared.outgoing.append(pending)
      if shared.isDrainScheduled { return .queued }
      shared.isDrainScheduled = true
      return .drain
    }
  }

  private func room() async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let isFull = shared.withLock { shared in
        let isFull = shared.failure == nil && !shared.hasEnded && shared.inFlight >= maxInFlight
        if isFull { shared.roomWaiters.append(continuation) }
        return isFull
      }
      if !isFull { continuation.resume() }
    }
  }

  /// Says that nothing follows and waits for the last acknowledgement.
  package func finish() async throws(DistlogError) {
    // After the end the client may be closed, and its event loop gone.
    if !shared.withLock({ $0.hasEnded }) {
      channel.eventLoop.execute {
        self.drain()
        self.call?.halfClose()
      }
    }
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let hasEnded = shared.withLock { shared in
        if !shared.hasEnded { shared.endWaiters.append(continuation) }
        return shared.hasEnded
      }
      if hasEnded { continuation.resume() }
    }
    if let failure = shared.withLock({ $0.failure }) { throw failure }
  }

  /// Gives the call up; what is unacknowledged may or may not be in the log.
  package func cancel() {
    guard !shared.withLock({ $0.hasEnded }) else { return }
    channel.eventLoop.execute { self.giveUp(.cancelled) }
  }

  // MARK: - On the event loop

  private func open() {
    lastProgress = .now()
    let call = channel.start(LogMethod.produceStream.path, handler: self)
    self.call = call
    let interval = TimeAmount(min(timeout / 4, .milliseconds(250)))
    watch = channel.eventLoop.scheduleRepeatedTask(
      initialDelay: interval, delay: interval
    ) { [weak self] _ in self?.checkProgress() }
    drain()
  }

  private func drain() {
    let outgoing = shared.withLock { shared in
      shared.isDrainScheduled = false
      let outgoing = shared.outgoing
      shared.outgoing = []
      return outgoing
    }
    guard let call else {
      // Ended meanwhile; `complete` has told everybody of the failure.
      let failure = (ownFailure ?? .closed).notWritten
      for pending in outgoing { complete(pending, .failure(failure)) }
      return
    }
    if unanswered.isEmpty { lastProgress = .now() }
    for pending in outgoing {
      unanswered.append(pending)
      pending.batch.withUnsafeBytes { call.send($0) }
    }
  }

  private func checkProgress() {
    guard !unanswered.isEmpty, NIODeadline.now() - lastProgress > TimeAmount(timeout) else {
      return
    }
    giveUp(.timedOut("the server did not acknowledge", after: timeout))
  }

  private func giveUp(_ error: DistlogError) {
    guard let call else { return }
    ownFailure = error
    call.cancel()
  }

  private func complete(_ pending: Pending, _ result: Result<Acknowledgement, DistlogError>) {
    let waiters = shared.withLock { shared in
      shared.inFlight -= 1
      if case .failure(let error) = result, shared.failure == nil { shared.failure = error }
      let waiters = shared.roomWaiters
      shared.roomWaiters = []
      return waiters
    }
    pending.done(result)
    for waiter in waiters { waiter.resume() }
  }
}

extension ProduceStream: ClientCallHandler {
  package func receive(_ message: UnsafeRawBufferPointer, on call: ClientCall) {
    guard let pending = unanswered.popFirst() else {
      return giveUp(.misanswered("an answer to no request"))
    }
    lastProgress = .now()
    do {
      let acknowledgement = try Acknowledgement(ProduceResponse(reading: message))
      let count = acknowledgement.offsets.upperBound - acknowledgement.offsets.lowerBound + 1
      guard count == UInt64(pending.batch.count) else {
        throw DistlogError.misanswered(
          "an acknowledgement of \(count) records for a request of \(pending.batch.count)")
      }
      complete(pending, .success(acknowledgement))
    } catch {
      var failure =
        error as? DistlogError ?? .misanswered("not a valid log.v1.ProduceResponse (\(error))")
      failure.isOutcomeUnknown = true
      complete(pending, .failure(failure))
      giveUp(failure)
    }
  }

  package func readyToSend(on call: ClientCall) {}

  package func ended(_ status: Status, trailers: Metadata, on call: ClientCall) {
    watch?.cancel()
    self.call = nil
    var failure = ownFailure
    if failure == nil, status != .ok { failure = DistlogError(status, of: call) }
    if failure == nil, !unanswered.isEmpty {
      failure = .misanswered("the end of the stream with \(unanswered.count) answers missing")
    }
    if var failure {
      failure.isOutcomeUnknown = !unanswered.isEmpty && Self.isUnknown(failure, call)
      ownFailure = failure
      while let pending = unanswered.popFirst() { complete(pending, .failure(failure)) }
    }
    drain()
    let waiters = shared.withLock { shared in
      shared.hasEnded = true
      if shared.failure == nil { shared.failure = ownFailure }
      let waiters = shared.endWaiters + shared.roomWaiters
      shared.endWaiters = []
      shared.roomWaiters = []
      return waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// A server that gives a reason has answered everything it accepted before; without one the call
  /// broke off, and what was under way may have been written.
  private static func isUnknown(_ failure: DistlogError, _ call: ClientCall) -> Bool {
    if call.wasNotProcessed { return false }
    if failure.reason == "OUTCOME_UNKNOWN" { return true }
    return failure.origin != .server
      || failure.reason == failure.code
        && ["UNKNOWN", "INTERNAL", "UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED", "ABORTED"]
          .contains(failure.code)
  }
}

extension DistlogError {
  /// The same failure for records that never left this side.
  var notWritten: DistlogError {
    var error = self
    error.isOutcomeUnknown = false
    return error
  }

  static func misanswered(_ what: String) -> DistlogError {
    DistlogError(
      .protocolViolation, code: "INTERNAL", reason: "MALFORMED_ANSWER", "the server sent \(what)")
  }
}
