/// Decides when the next write starts, so that a sync serves as many requests as it can.
///
/// Callers send their next request when they are answered. Starting a write at the very moment the
/// one before is done splits a fixed set of callers in two halves, each waiting for the other's sync;
/// waiting a moment for the answered ones to come back puts all of them into one. A lone caller
/// never waits: when all that were answered are back, nobody else is expected.
///
/// Times are nanoseconds of a monotonic clock, handed in.
struct GroupTiming {
  /// A wait is no longer than this, whatever the disk takes.
  private static let longestWait: UInt64 = 2_000_000
  /// Below this a write is started at once: the time is not worth a timer.
  private static let shortestWait: UInt64 = 50_000
  /// Groups that do not wait after a wait in which few came back.
  private static let pause = 4

  /// Nanoseconds of a write and its sync, smoothed.
  private var writeTime: UInt64 = 0
  /// Requests with which nobody else is expected.
  private var expected = 0
  /// Answered with the last write, so expected back.
  private var answered = 0
  private var waitsUntil: UInt64 = 0
  private var pausedGroups = 0

  /// A write of `count` requests that took `nanoseconds` is done; `gathered` wait already.
  mutating func wrote(_ count: Int, took nanoseconds: UInt64, gathered: Int, now: UInt64) {
    writeTime = writeTime == 0 ? nanoseconds : (3 * writeTime + nanoseconds) / 4
    answered = count
    expected = gathered + count
    waitsUntil = now
    guard pausedGroups == 0 else {
      pausedGroups -= 1
      return
    }
    let wait = min(writeTime, nanoseconds, Self.longestWait)
    if wait >= Self.shortestWait { waitsUntil = now + wait }
  }

  /// When a write of what has gathered is to start: nil now, else that time at the latest.
  func start(gathered: Int, now: UInt64) -> UInt64? {
    gathered >= expected || now >= waitsUntil ? nil : waitsUntil
  }

  /// A write starts with `gathered` requests.
  mutating func starts(gathered: Int) {
    let missing = max(0, expected - gathered)
    if waitsUntil > 0, 2 * missing > answered, pausedGroups == 0 { pausedGroups = Self.pause }
  }
}
