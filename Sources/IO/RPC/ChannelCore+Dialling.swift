internal import GRPCWire
internal import NIOCore
internal import NIOPosix

/// How a channel gets its connection: look-up, TCP, TLS, the server's SETTINGS; one time-out over all.
extension ChannelCore {
  private static let maxUnfinishedDials = 2

  func startDial() {
    if case .closed = state { return }
    dial += 1
    let number = dial
    state = .dialling
    let limit = TimeAmount(configuration.connectTimeout)
    guard unfinishedDials < Self.maxUnfinishedDials else {
      return eventLoop.assumeIsolated().execute {
        self.dialFailed(number, self.timeoutError("DNS"))
      }
    }
    dialTimer = eventLoop.assumeIsolated().scheduleTask(in: limit) {
      self.dialTimedOut(number)
    }
    let configuration = self.configuration
    let bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(limit)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.recvAllocator, value: Self.receiveAllocator)
      .channelOption(.writeBufferWaterMark, value: .init(low: 128 << 10, high: 512 << 10))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard self.dial == number else { throw ChannelError.connectTimeout(limit) }
          let connection = try ClientConnection(configuration, owner: self)
          self.candidate = connection
          try channel.pipeline.syncOperations.addHandler(connection)
        }
      }
    unfinishedDials += 1
    connect(bootstrap).assumeIsolated().whenComplete { result in
      self.unfinishedDials -= 1
      switch result {
      case .success(let channel) where self.dial != number: channel.close(promise: nil)
      case .success: break
      case .failure(let error as RPCError): self.dialFailed(number, error)
      case .failure(let error):
        self.dialFailed(
          number,
          ConnectSentences.error(
            error, host: configuration.host, port: configuration.port, timeout: limit))
      }
    }
  }

  func dialIfIdle() {
    if case .idle = state { startDial() }
  }

  private static let receiveAllocator = AdaptiveRecvByteBufferAllocator(
    minimum: 4 << 10, initial: 16 << 10, maximum: 128 << 10)

  /// An address needs no resolver, which would run on another thread.
  private func connect(_ bootstrap: ClientBootstrap) -> EventLoopFuture<any Channel> {
    if let address = try? SocketAddress(ipAddress: configuration.host, port: configuration.port) {
      return bootstrap.connect(to: address)
    }
    return bootstrap.connect(host: configuration.host, port: configuration.port)
  }

  private func timeoutError(_ what: String) -> RPCError {
    ConnectSentences.timedOut(
      host: configuration.host, port: configuration.port,
      timeout: TimeAmount(configuration.connectTimeout), doing: what)
  }

  private func dialTimedOut(_ number: Int) {
    guard number == dial, case .dialling = state else { return }
    let what =
      switch candidate?.phase {
      case nil: "DNS or TCP"
      case .handshaking: "TLS handshake"
      default: "HTTP/2 settings"
      }
    let abandoned = candidate
    dialFailed(number, timeoutError(what))
    abandoned?.close()
  }

  private func dialFailed(_ number: Int, _ error: RPCError) {
    guard number == dial, case .dialling = state else { return }
    dial += 1
    dialTimer?.cancel()
    candidate = nil
    let wait = TimeAmount(backoff.next(random: .random(in: 0..<1)))
    state = .backingOff(until: .now() + wait, error)
    failWaiting(error)
    finishConnecting(error)
  }

  // MARK: - Told by connections

  func connectionReady(_ connection: ClientConnection) {
    guard connection === candidate else { return connection.close() }
    candidate = nil
    dialTimer?.cancel()
    backoff.reset()
    state = .ready(connection)
    finishConnecting(nil)
    serveWaiting()
  }

  /// The connection takes no more calls: the next one, or one that waits, dials anew.
  func connectionDrains(_ connection: ClientConnection) {
    guard case .ready(let current) = state, current === connection else { return }
    draining.append(connection)
    state = .idle
    if hasWaiting { startDial() }
  }

  /// `error` when the connection never came to be ready.
  func connectionEnded(_ connection: ClientConnection, _ error: RPCError?) {
    draining.removeAll { $0 === connection }
    if connection === candidate, let error { return dialFailed(dial, error) }
    guard case .ready(let current) = state, current === connection else { return }
    state = .idle
    if hasWaiting { startDial() }
  }

  func roomFreed(_ connection: ClientConnection) { if hasWaiting { serveWaiting() } }
}

/// A task that waits for a connection. Touched on the event loop only.
final class ConnectWaiter: @unchecked Sendable {
  private var continuation: CheckedContinuation<RPCError?, Never>?
  private var isOver = false

  /// False when the wait was over before it began.
  func begin(_ continuation: CheckedContinuation<RPCError?, Never>) -> Bool {
    if isOver {
      continuation.resume(returning: .cancelled)
    } else {
      self.continuation = continuation
    }
    return !isOver
  }

  /// Ends the wait; the first reason counts.
  func finish(_ error: RPCError?) {
    isOver = true
    continuation?.resume(returning: error)
    continuation = nil
  }
}

// MARK: - Opening and closing

extension ChannelCore {
  func add(_ waiter: ConnectWaiter) {
    switch state {
    case .ready: return waiter.finish(nil)
    case .closed: return waiter.finish(closedError)
    case .dialling: break
    case .idle: startDial()
    case .backingOff(let until, _):
      guard connectWaiters.isEmpty else { break }
      retryTimer = eventLoop.assumeIsolated().scheduleTask(deadline: until) {
        if case .backingOff = self.state { self.startDial() }
      }
    }
    connectWaiters.append(waiter)
  }

  func close() {
    if case .closed = state { return }
    var connections = draining
    if case .ready(let connection) = state { connections.append(connection) }
    if let candidate { connections.append(candidate) }
    dial += 1
    stopTimers()
    candidate = nil
    state = .closed
    failWaiting(closedError)
    finishConnecting(closedError)
    for connection in connections { connection.shutDown(closedError.description) }
  }
}
