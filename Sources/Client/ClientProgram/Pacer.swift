/// Lets so many records per second through, evenly; time lost is caught up for at most a second.
struct Pacer {
  private let interval: Duration
  private var due = ContinuousClock.now

  init(perSecond: Double) { interval = .seconds(1 / max(perSecond, 1e-6)) }

  /// How long the next record has to wait; nil when it is due.
  func wait(at now: ContinuousClock.Instant) -> Duration? {
    let wait = due - now
    return wait > .zero ? wait : nil
  }

  mutating func sent() { due = max(due, .now - .seconds(1)) + interval }
}
