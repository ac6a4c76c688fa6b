import HTTP2
import Logging
import NIOCore
import TLS

extension ServerConnection {
  // MARK: - Deadlines

  /// One timer for a connection's calls, set for the earliest deadline it knew: later ones do not
  /// touch it, and calls that end before do not either.
  func armDeadline(_ deadline: NIODeadline?) {
    guard let deadline, deadline < deadlineTimerAt, let context else { return }
    deadlineTimer?.cancel()
    deadlineTimerAt = deadline
    deadlineTimer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
      self.deadlineTimer = nil
      self.deadlineTimerAt = .distantFuture
      self.endLateCalls(.now())
    }
  }

  private func endLateCalls(_ now: NIODeadline) {
    var next: NIODeadline?
    session?.forEachStream { stream in
      guard let pointer = stream.context else { return }
      Unmanaged<ServerCall>.fromOpaque(pointer)._withUnsafeGuaranteedRef { call in
        guard call.isOpen, let deadline = call.deadline else { return }
        if deadline <= now {
          call.deadlinePassed()
        } else {
          next = min(next ?? deadline, deadline)
        }
      }
    }
    armDeadline(next.map { max($0, now + .milliseconds(1)) })
  }

  // MARK: - Once a second

  /// Looks after the time-outs that need no precision, and whether the client's certificate has expired by now (`today`,
  /// seconds since 1970).
  func tick(_ now: NIODeadline, today: Int64) {
    let limits = loop.configuration
    if let closingSince {
      // What is left to say is not taken: not longer than a ping would be waited for.
      if now - closingSince > limits.keepaliveTimeout { abandon() }
      return
    }
    if !hasSettings, now - openedAt > limits.handshakeTimeout {
      return close("no HTTP/2 settings within \(limits.handshakeTimeout)")
    }
    if let pingedAt, now - pingedAt > limits.keepaliveTimeout {
      loop.configuration.logger?.debug("\(info.remoteAddress) does not answer a ping")
      return abandon()
    }
    guard let session, hasSettings else { return }
    if let identity = info.identity, identity.notAfter < today {
      return shutOut("the certificate of \(info.remoteAddress) has expired while it was connected")
    }
    if isTrickling(session, now) {
      return close("no end of its header block within \(limits.handshakeTimeout)")
    }
    if pingedAt == nil, now - readAt > limits.keepaliveInterval {
      pingedAt = now
      session.ping(0)
      needsFlush()
    }
    if case .announced(let at) = drainState, now - at > .seconds(1) { refuseNewCalls() }
    if session.streamCount == 0, now - idleSince > limits.idleTimeout { drain() }
    closeWhenDrained()
  }

  /// Whether one header block has been open for too long: nothing else may come on the connection
  /// meanwhile (RFC 9113 section 6.10), so no honest client lets one wait.
  private func isTrickling(_ session: HTTP2Session, _ now: NIODeadline) -> Bool {
    let stream = session.openHeaderBlock
    guard stream != 0, stream == openHeaderBlock else {
      openHeaderBlock = stream
      openHeaderBlockAt = now
      return false
    }
    return now - openHeaderBlockAt > loop.configuration.handshakeTimeout
  }

  /// Closes without saying anything more, also what is queued.
  func abandon() {
    tearDown()
    context?.close(promise: nil)
  }

  // MARK: - Draining

  /// Asks the client to go elsewhere, and closes when the calls that it has here are done.
  func drain() {
    guard case .serving = drainState else { return }
    guard let session else { return close("draining") }
    drainState = .announced(at: .now())
    session.announceShutdown()
    session.ping(1)
    needsFlush()
  }

  func refuseNewCalls() {
    drainState = .refusing
    session?.goAway()
    needsFlush()
    closeWhenDrained()
  }

  /// `leaving`: streams that are about to be forgotten.
  func closeWhenDrained(leaving: Int = 0) {
    guard case .refusing = drainState, let session, session.streamCount == leaving else { return }
    close(nil)
  }

  /// Ends the calls that are still open, then the connection.
  func stop() {
    session?.forEachStream { stream in
      guard let pointer = stream.context else { return }
      Unmanaged<ServerCall>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.stop() }
    }
    session?.goAway()
    close("stopping")
  }
}
