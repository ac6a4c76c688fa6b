import Synchronization

/// The time of day, as simulated; each node may see it wrongly.
final class SimulatedClock: Sendable {
  private let time = Atomic<UInt64>(0)
  /// Some day in 2026, in nanoseconds since 1970.
  private static let start: Int64 = 1_790_000_000_000_000_000

  func set(_ nanoseconds: UInt64) { time.store(nanoseconds, ordering: .relaxed) }

  func now(skew: Int64) -> UInt64 {
    UInt64(Self.start + Int64(time.load(ordering: .relaxed)) + skew)
  }
}
