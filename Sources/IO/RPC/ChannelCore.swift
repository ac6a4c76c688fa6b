internal import GRPCWire
internal import NIOCore

/// What a channel keeps on its event loop: the state of its connection and the calls that wait.
///
/// Nothing refers to it weakly: such references would make every retain and release slower.
final class ChannelCore: @unchecked Sendable {  // used on `eventLoop` only
  enum State {
    case idle
    case dialling
    case ready(ClientConnection)
    case backingOff(until: NIODeadline, RPCError)
    case closed
  }

  let configuration: RPCChannelConfiguration
  let eventLoop: any EventLoop
  var state = State.idle
  var backoff: Backoff
  /// Counts dials, so that a late answer of an abandoned one is known.
  var dial = 0
  /// Look-ups and connects that have not come back; a resolver that hangs is not asked ever again.
  var unfinishedDials = 0
  var dialTimer: Scheduled<Void>?
  /// Dials again for those who wait in `connect`.
  var retryTimer: Scheduled<Void>?
  /// The connection of the dial in progress.
  var candidate: ClientConnection?
  /// Connections with calls that were told to take no more.
  var draining: [ClientConnection] = []
  /// Calls without a stream, oldest first.
  private var waiting = CircularBuffer<ClientCall>()
  /// Those who wait in `connect`.
  var connectWaiters: [ConnectWaiter] = []
  private var deadlineTimer: Scheduled<Void>?
  private var nextDeadline: NIODeadline?

  init(_ configuration: RPCChannelConfiguration, on eventLoop: any EventLoop) {
    self.configuration = configuration
    self.eventLoop = eventLoop
    backoff = configuration.backoff
  }

  func start(
    _ path: String, shape: StreamingShape, metadata: [(String, String)], timeout: Duration?,
    handler: any ClientCallHandler
  ) -> ClientCall {
    let deadline = timeout.map { NIODeadline.now() + TimeAmount($0) }
    let call = ClientCall(
      path: path, shape: shape, metadata: metadata, deadline: deadline,
      maxMessageBytes: configuration.maxMessageBytes, handler: handler, on: eventLoop)
    if let deadline { watch(deadline) }
    place(call)
    return call
  }

  // MARK: - Calls

  private func place(_ call: ClientCall) {
    switch state {
    case .ready(let connection) where connection.hasRoom && waiting.isEmpty:
      if connection.open(call) { return }
      wait(call)
      dialIfIdle()
    case .ready, .dialling: wait(call)
    case .idle:
      wait(call)
      startDial()
    case .backingOff(let until, let error):
      if NIODeadline.now() < until {
        failSoon(call, error)
      } else {
        wait(call)
        startDial()
      }
    case .closed: failSoon(call, closedError)
    }
  }

  private func wait(_ call: ClientCall) {
    guard waiting.count < configuration.maxWaitingCalls else {
      let text = "\(waiting.count) calls are waiting for \(configuration.authority)"
      return eventLoop.assumeIsolated().execute {
        call.refused(Status(.resourceExhausted, text))
      }
    }
    waiting.append(call)
  }

  /// Drops timers; nothing is to come.
  func stopTimers() {
    dialTimer?.cancel()
    retryTimer?.cancel()
    deadlineTimer?.cancel()
  }

  /// Not inside `start`: the caller does not have the call yet.
  private func failSoon(_ call: ClientCall, _ error: RPCError) {
    eventLoop.assumeIsolated().execute { call.failed(error) }
  }

  var closedError: RPCError {
    .connect(
      host: configuration.host, port: configuration.port, failure: .closed,
      reason: "the channel to \(configuration.authority) was closed")
  }

  /// Gives streams to waiting calls, oldest first.
  func serveWaiting() {
    guard case .ready(let connection) = state else { return }
    while !waiting.isEmpty, connection.hasRoom {
      let call = waiting.removeFirst()
      guard call.isOpen, !connection.open(call) else { continue }
      waiting.prepend(call)
      return dialIfIdle()
    }
  }

  var hasWaiting: Bool { !waiting.isEmpty }

  func failWaiting(_ error: RPCError) {
    let failed = waiting
    waiting = CircularBuffer()
    for call in failed { call.failed(error) }
  }

  func finishConnecting(_ error: RPCError?) {
    let waiters = connectWaiters
    connectWaiters = []
    for waiter in waiters { waiter.finish(error) }
  }

  // MARK: - Deadlines

  /// One timer for the earliest deadline; when it fires all open calls are looked through.
  private func watch(_ deadline: NIODeadline) {
    if let nextDeadline, nextDeadline <= deadline { return }
    deadlineTimer?.cancel()
    nextDeadline = deadline
    deadlineTimer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
      self.deadlinePassed()
    }
  }

  private func deadlinePassed() {
    nextDeadline = nil
    let now = NIODeadline.now()
    var earliest: NIODeadline?
    func look(_ call: ClientCall) {
      call.checkDeadline(now)
      guard call.isOpen, let deadline = call.deadline else { return }
      earliest = min(earliest ?? deadline, deadline)
    }
    for call in waiting { look(call) }
    waiting.removeAll { !$0.isOpen }
    if case .ready(let connection) = state { connection.forEachCall(look) }
    for connection in draining { connection.forEachCall(look) }
    if let earliest { watch(earliest) }
  }
}
