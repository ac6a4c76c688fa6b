import CommitLog
package import GRPCWire
import LogAPI
package import NIOCore
package import RPC
import Synchronization

/// What the log service keeps for one event loop: the requests of this turn, the reader, and the
/// consumers that wait for the next record.
///
/// Confined to its event loop, but for `committed()` and `resolve(_:_:)`.
package final class ServiceLoop: @unchecked Sendable {
  package let eventLoop: any EventLoop

  /// Set while consumers wait at the tail, so that a commit wakes no loop without any.
  private let hasTailWaiters = Atomic<Bool>(false)
  private var tailWaiters: [ObjectIdentifier: any TailWaiter] = [:]
  let requests: ProduceRequestReader
  private var submission = Submission()
  private var spares: [Submission] = []
  private var submitScheduled = false
  /// The server is stopping: streams that are opened now end at once.
  private(set) var isDraining = false
  private var backend: (any LogBackend)?
  private var gatherer: RunGatherer?
  private var calls: [ObjectIdentifier: any OpenCall] = [:]
  private var sweep: RepeatedTask?

  package init(_ eventLoop: any EventLoop, limits: ServiceLimits) {
    self.eventLoop = eventLoop
    requests = ProduceRequestReader(maxRecords: limits.batchRecords)
  }

  /// Gives the loop its log. Once, before the first call.
  package func attach(_ backend: any LogBackend) {
    precondition(self.backend == nil, "a service loop serves one log")
    self.backend = backend
  }

  /// Reads for every consumer of this loop, which share its last verified frames.
  var reader: RunGatherer {
    if let gatherer { return gatherer }
    guard let backend else { preconditionFailure("the loop has no log yet") }
    let made = RunGatherer(LogReader(log: backend.log))
    gatherer = made
    return made
  }

  // MARK: - Producing

  /// Adds a request to this turn's submission, which leaves when the turn ends: requests of all
  /// connections that were readable go together.
  func submit(
    _ request: UnsafeRawBufferPointer, _ summary: ProduceSummary, for waiter: ProduceWaiter
  ) {
    submission.add(
      request, count: summary.records, inlineFailure: summary.wantsInlineFailure,
      isJudged: summary.isJudged, for: waiter)
    guard !submitScheduled else { return }
    submitScheduled = true
    eventLoop.assumeIsolated().execute { self.endTurn() }
  }

  private func endTurn() {
    submitScheduled = false
    guard let backend, !submission.isEmpty else { return }
    let full = submission
    submission = spares.popLast() ?? Submission()
    backend.submit(full, from: self)
  }

  /// Brings a submission back. Any thread.
  package func resolve(_ submission: Submission, _ result: Result<UInt64, LogFailure>) {
    guard eventLoop.inEventLoop else {
      return eventLoop.execute { self.resolve(submission, result) }
    }
    submission.resolve(result)
    submission.reset()
    if spares.count < 4 { spares.append(submission) }
  }

  // MARK: - Waiting for records

  /// Calls `waiter.recordsCommitted()` once, after the committed end has passed `offset`.
  package func wait(_ waiter: any TailWaiter, past offset: UInt64) {
    tailWaiters[ObjectIdentifier(waiter)] = waiter
    _ = hasTailWaiters.exchange(true, ordering: .sequentiallyConsistent)
    // A commit between the caller's look at the end and the store above would wake nobody.
    if let backend, backend.committedEnd > offset { committed() }
  }

  /// Wakes the waiting consumers. Any thread.
  package func committed() {
    guard hasTailWaiters.exchange(false, ordering: .sequentiallyConsistent) else { return }
    // Even on this very loop: a consumer must not be resumed from within its own call to wait.
    eventLoop.execute {
      let waiters = self.tailWaiters
      self.tailWaiters.removeAll(keepingCapacity: waiters.count < 1024)
      for waiter in waiters.values { waiter.recordsCommitted() }
    }
  }

  /// Forgets a waiter whose call has ended.
  package func stopWaiting(_ waiter: any TailWaiter) {
    tailWaiters[ObjectIdentifier(waiter)] = nil
  }

  // MARK: - Streams that must be ended when the server stops, or when their reader stalls

  package func opened(_ call: any OpenCall) {
    calls[ObjectIdentifier(call)] = call
    guard sweep == nil else { return }
    sweep = eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) {
      [weak self] _ in
      guard let self else { return }
      let now = NIODeadline.now()
      for call in Array(self.calls.values) { call.check(now) }
    }
  }

  package func closed(_ call: any OpenCall) {
    calls[ObjectIdentifier(call)] = nil
    guard calls.isEmpty else { return }
    sweep?.cancel()
    sweep = nil
  }

  /// Ends the streams of this loop that the rules now forbid. On the loop.
  package func judgeAgain() {
    for open in Array(calls.values) {
      guard let call = open.serverCall, call.isOpen,
        let state = call.connection.attachment as? ConnectionState,
        let refusal = state.refusal(ofPath: call.path)
      else { continue }
      open.refuse(refusal)
    }
  }

  /// Ends every stream of this loop in an orderly way. On the loop.
  package func drain() {
    isDraining = true
    for call in Array(calls.values) { call.drain() }
  }
}

/// A consumer that waits at the end of the log.
package protocol TailWaiter: AnyObject {
  func recordsCommitted()
}

/// A stream that stays open until somebody ends it.
package protocol OpenCall: AnyObject {
  /// The server stops: finish what was accepted, then end with DRAINING.
  func drain()
  /// nil when it is over.
  var serverCall: ServerCall? { get }
  /// The rules forbid it by now: finish what was accepted, then end with this.
  func refuse(_ status: Status)
  /// Once a second: ends the call if its peer has stalled for too long.
  func check(_ now: NIODeadline)
}
