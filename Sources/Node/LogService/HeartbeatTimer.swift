import NIOCore

/// Calls back when nothing was sent for a while. Confined to one event loop.
final class HeartbeatTimer {
  private let interval: TimeAmount
  private let beat: () -> Void
  private var lastSent = NIODeadline.now()
  private var scheduled: Scheduled<Void>?

  /// More often is no use to a consumer, and thousands of them would leave the loop to do little else.
  private static let shortest = TimeAmount.milliseconds(250)

  /// - Parameter interval: at least 250 ms; shorter ones are lengthened.
  init(every interval: TimeAmount, _ beat: @escaping () -> Void) {
    self.interval = max(interval, Self.shortest)
    self.beat = beat
  }

  func start(on eventLoop: any EventLoop) {
    let due = lastSent + interval
    scheduled = eventLoop.assumeIsolated().scheduleTask(deadline: due) { [weak self] in
      guard let self else { return }
      if NIODeadline.now() >= self.lastSent + self.interval {
        self.lastSent = .now()
        self.beat()
      }
      self.start(on: eventLoop)
    }
  }

  /// Something else was sent: the next beat is a whole interval away.
  func sent() {
    lastSent = .now()
  }

  func stop() {
    scheduled?.cancel()
  }
}
