package import GRPCWire
internal import LogAPI
internal import NIOCore
internal import Protobuf
package import RPC
internal import Synchronization

/// A stream of batches to the leader: they go out as long as few enough are unacknowledged, and are acknowledged in their
/// order.
///
/// With an identity it outlives calls and leaders: what is unacknowledged is sent again, as it was, to whoever leads then,
/// and each batch is in the log once.
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

  /// An idempotent producer's.
  package struct Identity: Sendable {
    let id: UInt64
    let epoch: UInt32
  }

  private let seeds: Seeds
  private let eventLoop: any EventLoop
  private let identity: Identity?
  private let maxInFlight: Int
  private let timeout: Duration
  private let shared = Mutex(Shared())

  // On the event loop.
  private var channel: RPCChannel
  private var call: ClientCall?
  private var nextSequence: UInt64 = 0
  private var isFinishing = false
  /// What is unanswered may be in the log.
  private var isInDoubt = false
  /// When the trouble began that it has not come out of.
  private var troubleSince: NIODeadline?
  /// The call is given up because another server leads.
  private var isMoving = false
  private var isProbing = false
  private var unanswered = CircularBuffer<Pending>()
  private var lastProgress = NIODeadline.now()
  private var watch: RepeatedTask?
  private var ownFailure: DistlogError?

  /// - Parameters:
  ///   - identity: nil: nothing is sent twice, and the end of the call is the stream's.
  ///   - timeout: the longest wait for the next acknowledgement while any is due.
  init(
    _ seeds: Seeds, on channel: RPCChannel, as identity: Identity?, maxInFlight: Int,
    timeout: Duration
  ) {
    self.seeds = seeds
    self.channel = channel
    self.identity = identity
    eventLoop = channel.eventLoop
    self.maxInFlight = max(1, maxInFlight)
    self.timeout = timeout
    eventLoop.execute {
      self.open()
      self.beginToWatch()
    }
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
      case .drain: return eventLoop.execute { self.drain() }
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
      eventLoop.execute {
        self.isFinishing = true
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
    eventLoop.execute { self.giveUp(.cancelled) }
  }

  // MARK: - On the event loop

  private func open() {
    lastProgress = .now()
    let call = channel.start(LogMethod.produceStream.path, handler: self)
    self.call = call
    for pending in unanswered { pending.batch.withUnsafeBytes { call.send($0) } }
    drain()
    if isFinishing { call.halfClose() }
  }

  private func drain() {
    let (outgoing, hasEnded) = shared.withLock { shared in
      shared.isDrainScheduled = false
      let outgoing = shared.outgoing
      shared.outgoing = []
      return (outgoing, shared.hasEnded)
    }
    guard !hasEnded, ownFailure == nil else {
      // Ended meanwhile; `complete` has told everybody of the failure.
      let failure = (ownFailure ?? .closed).notWritten
      for pending in outgoing { complete(pending, .failure(failure)) }
      return
    }
    if unanswered.isEmpty { lastProgress = .now() }
    for pending in outgoing {
      if let identity {
        pending.batch.stamp(
          producer: identity.id, epoch: identity.epoch, sequence: nextSequence)
        nextSequence += UInt64(pending.batch.count)
      }
      pending.batch.writeExpectation()
      unanswered.append(pending)
      // Without a call it is sent with the next one.
      if let call { pending.batch.withUnsafeBytes { call.send($0) } }
    }
  }

  private func beginToWatch() {
    let interval = TimeAmount(min(timeout / 4, .milliseconds(100)))
    watch = eventLoop.scheduleRepeatedTask(
      initialDelay: interval, delay: interval
    ) { [weak self] _ in self?.checkProgress() }
  }

  private func checkProgress() {
    guard !unanswered.isEmpty else { return }
    let silence = NIODeadline.now() - lastProgress
    if silence > TimeAmount(timeout), troubleSince == nil {
      giveUp(.timedOut("the server did not acknowledge", after: timeout))
    } else if silence > Self.suspicious {
      probe()
    }
  }

  private func giveUp(_ error: DistlogError) {
    guard ownFailure == nil else { return }
    ownFailure = error
    if let call { call.cancel() } else { end(error, isUnknown: false) }
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
    troubleSince = nil
    if unanswered.isEmpty { isInDoubt = false }
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
    self.call = nil
    var failure = ownFailure
    if failure == nil, status != .ok { failure = DistlogError(status, of: call) }
    if failure == nil, !unanswered.isEmpty {
      failure = .misanswered("the end of the stream with \(unanswered.count) answers missing")
    }
    let isUnknown = failure.map { Self.isUnknown($0, call) } ?? false
    if let failure, ownFailure == nil, identity != nil, failure.isPassing || isMoving {
      if !unanswered.isEmpty, isUnknown || isMoving { isInDoubt = true }
      isMoving = false
      return recover(from: failure)
    }
    end(failure, isUnknown: isUnknown)
  }

  /// Tells everybody what became of what they handed over.
  private func end(_ failure: DistlogError?, isUnknown: Bool) {
    watch?.cancel()
    if var failure {
      failure.isOutcomeUnknown = !unanswered.isEmpty && (isUnknown || isInDoubt)
      ownFailure = failure
      while let pending = unanswered.popFirst() { complete(pending, .failure(failure)) }
    }
    let waiters = shared.withLock { shared in
      shared.hasEnded = true
      if shared.failure == nil { shared.failure = ownFailure }
      let waiters = shared.endWaiters + shared.roomWaiters
      shared.endWaiters = []
      shared.roomWaiters = []
      return waiters
    }
    drain()
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

// MARK: - Another leader

extension ProduceStream {
  /// Silence after which other servers are asked whether there is another leader: one that is stopped does not say so.
  private static let suspicious = TimeAmount.milliseconds(200)
  /// Between two attempts to find the leader.
  private static let pause = TimeAmount.milliseconds(25)

  /// Finds the leader and sends what is unanswered to it.
  private func recover(from failure: DistlogError) {
    if isFinishing, unanswered.isEmpty { return end(nil, isUnknown: false) }
    let since = troubleSince ?? .now()
    let pause = troubleSince == nil ? .zero : Self.pause
    troubleSince = since
    guard NIODeadline.now() - since < TimeAmount(timeout) else {
      return end(failure, isUnknown: false)
    }
    Task { [seeds, eventLoop, channel] in
      await seeds.heard(failure, from: channel)
      let found: Result<RPCChannel, DistlogError>
      do throws(DistlogError) {
        found = .success(try await seeds.connectedToLeader())
      } catch {
        found = .failure(error)
      }
      _ = eventLoop.scheduleTask(in: pause) { self.resume(found) }
    }
  }

  private func resume(_ found: Result<RPCChannel, DistlogError>) {
    // It may have been given up meanwhile.
    guard ownFailure == nil, !shared.withLock({ $0.hasEnded }) else { return }
    switch found {
    case .success(let channel):
      self.channel = channel
      open()
    case .failure(let error): recover(from: error)
    }
  }

  /// Asks others whether the server that is silent leads no more.
  private func probe() {
    guard identity != nil, call != nil, !isProbing, !isMoving else { return }
    isProbing = true
    let channel = channel
    Task { [seeds, eventLoop] in
      let isElsewhere = await seeds.leadsElsewhere(than: channel)
      eventLoop.execute {
        self.isProbing = false
        guard isElsewhere, self.channel === channel, let call = self.call else { return }
        self.isMoving = true
        call.cancel()
      }
    }
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
