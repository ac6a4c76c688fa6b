internal import NIOCore

/// How long to wait before the next dial: exponential with jitter (gRPC "Connection Backoff Protocol").
package struct Backoff: Sendable, Equatable {
  package var initial: Duration = .milliseconds(100)
  package var multiplier = 1.6
  package var maximum: Duration = .seconds(5)
  /// The wait is spread by this share to both sides.
  package var jitter = 0.2
  private var failures = 0

  package init() {}

  package mutating func reset() { failures = 0 }

  /// The wait after one more failure; `random` is in 0..<1.
  package mutating func next(random: Double) -> Duration {
    var wait = initial
    for _ in 0..<failures where wait < maximum { wait = wait * multiplier }
    failures += 1
    return min(wait, maximum) * (1 + jitter * (2 * random - 1))
  }
}
