import Synchronization

/// How many connections a server has, over all its event loops.
final class ConnectionLimit: Sendable {
  let most: Int
  private let open = Atomic(0)
  /// Refused since the last line about it.
  private let unreported = Atomic(0)
  /// Nanoseconds of the monotonic clock.
  private let nextReportAt = Atomic<UInt64>(0)

  init(_ most: Int) { self.most = most }

  /// Counts one more; false when there is no room.
  func enter() -> Bool {
    guard open.add(1, ordering: .relaxed).newValue <= most else {
      leave()
      return false
    }
    return true
  }

  func leave() { open.subtract(1, ordering: .relaxed) }

  /// Counts a refused connection; at most once a second, the number of those to report.
  func refused(at now: UInt64) -> Int? {
    unreported.add(1, ordering: .relaxed)
    let due = nextReportAt.load(ordering: .relaxed)
    guard now >= due else { return nil }
    let isOurs = nextReportAt.compareExchange(
      expected: due, desired: now + 1_000_000_000, ordering: .relaxed
    ).exchanged
    return isOurs ? unreported.exchange(0, ordering: .relaxed) : nil
  }
}
