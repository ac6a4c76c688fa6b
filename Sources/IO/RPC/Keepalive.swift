import NIOCore

/// Asks a silent peer whether it is still there, and gives it up when it says nothing.
final class Keepalive {
  private let timeout: TimeAmount
  private let eventLoop: any EventLoop
  private let ask: () -> Void
  private let dead: () -> Void
  private let interval: TimeAmount
  private var ticking: Scheduled<Void>?
  private var waiting: Scheduled<Void>?
  private var wasHeard = true

  /// `ask` sends a PING; `dead` is called once when nothing at all came within `timeout` after it.
  init(
    interval: Duration, timeout: Duration, on eventLoop: any EventLoop,
    ask: @escaping () -> Void, dead: @escaping () -> Void
  ) {
    self.timeout = TimeAmount(timeout)
    self.eventLoop = eventLoop
    self.ask = ask
    self.dead = dead
    self.interval = TimeAmount(interval)
    scheduleTick()
  }

  private func scheduleTick() {
    ticking = eventLoop.assumeIsolated().scheduleTask(in: interval) { self.tick() }
  }

  /// Bytes came from the peer.
  func heard() {
    wasHeard = true
    waiting?.cancel()
    waiting = nil
  }

  func stop() {
    ticking?.cancel()
    waiting?.cancel()
    ticking = nil
    waiting = nil
  }

  private func tick() {
    scheduleTick()
    if wasHeard {
      wasHeard = false
    } else if waiting == nil {
      waiting = eventLoop.assumeIsolated().scheduleTask(in: timeout) {
        self.stop()
        self.dead()
      }
      ask()
    }
  }
}
