/// A moment of a monotonic clock, in nanoseconds. Cores are handed it and never read a clock.
package struct Instant: Hashable, Comparable, Sendable {
  package var nanoseconds: UInt64

  package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  package static let zero = Instant(nanoseconds: 0)
  /// Later than any moment that comes.
  package static let never = Instant(nanoseconds: .max)

  package static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// The moment `nanoseconds` later.
  package static func + (left: Instant, nanoseconds: UInt64) -> Instant {
    let (sum, overflow) = left.nanoseconds.addingReportingOverflow(nanoseconds)
    return Instant(nanoseconds: overflow ? .max : sum)
  }

  /// Nanoseconds since `earlier`; 0 where that is later.
  package func since(_ earlier: Instant) -> UInt64 {
    nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
  }
}
