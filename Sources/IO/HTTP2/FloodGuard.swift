/// A budget for frames that cost the receiver more than the sender: RST_STREAM, PING, SETTINGS,
/// PRIORITY, WINDOW_UPDATE, CONTINUATION, empty DATA, and frames that break a stream's rules
/// (CVE-2019-9511..9518, CVE-2023-44487, CVE-2024-27316, CVE-2025-8671).
///
/// Two token buckets, refilled by time; frames that honest peers send along with their data earn
/// their cost back as data arrives.
package struct FloodGuard: Sendable {
  package struct Limits: Sendable, Equatable {
    /// Streams reset (by the peer, or by us for its errors) in one burst, and per second after.
    package var resets: Int
    package var resetsPerSecond: Int
    /// Other control frames in one burst, and per second after.
    package var control: Int
    package var controlPerSecond: Int
    /// CONTINUATION frames of one header block.
    package var continuations: Int

    package init(
      resets: Int = 500, resetsPerSecond: Int = 100, control: Int = 10_000,
      controlPerSecond: Int = 2_000, continuations: Int = 8
    ) {
      self.resets = resets
      self.resetsPerSecond = resetsPerSecond
      self.control = control
      self.controlPerSecond = controlPerSecond
      self.continuations = continuations
    }
  }

  private let limits: Limits
  private var resets: Int
  private var control: Int
  private var continuations = 0
  /// The stream whose header block has begun and not ended; 0 when there is none. A malformed one
  /// has ended for certain only when another frame begins.
  var openBlock: Int32 = 0
  /// Nanoseconds of a monotonic clock at the last refill.
  private var refilledAt: UInt64 = 0

  package init(_ limits: Limits) {
    self.limits = limits
    resets = limits.resets
    control = limits.control
  }

  package var isExceeded: Bool { resets < 0 || control < 0 || continuations > limits.continuations }

  /// Refills both buckets for the whole tenths of a second gone by; `now` is in nanoseconds.
  package mutating func refill(now: UInt64) {
    guard now > refilledAt else { return }
    let tenths = (now - refilledAt) / 100_000_000
    guard tenths > 0 else { return }
    refilledAt += tenths * 100_000_000
    let gained = Int(min(tenths, 36_000))
    resets = min(limits.resets, resets + gained * limits.resetsPerSecond / 10)
    control = min(limits.control, control + gained * limits.controlPerSecond / 10)
  }

  mutating func countReset() { resets -= 1 }
  mutating func countControl() {
    control -= 1
    openBlock = 0
  }
  mutating func countContinuation() { continuations += 1 }
  mutating func headerBlockStarted() {
    continuations = 0
    openBlock = 0
  }
  /// A stream that ran its course pays for one that is reset.
  mutating func streamCompleted() { resets = min(limits.resets, resets + 1) }
  /// Honest traffic pays for the WINDOW_UPDATEs and PINGs that go with it.
  mutating func earn(_ frames: Int) { control = min(limits.control, control + frames) }
}
