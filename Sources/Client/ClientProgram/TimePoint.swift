/// A time that a user names: absolute, or so long before now.
package enum TimePoint: Equatable, Sendable {
  /// Nanoseconds since 1970; 0 for every time before it, as no record is that old.
  case at(UInt64)
  case before(Duration)

  /// What `parse` accepts, for help texts and errors.
  package static let forms =
    "RFC 3339 (2026-01-31T12:00:00Z), seconds, ms, us or ns since 1970, or -1h30m before now"

  /// Reads RFC 3339, a count since 1970 or `-DURATION`; nil for anything else.
  ///
  /// How many digits a count has tells its unit: up to 11 are seconds, 12 to 14 ms, 15 to 17 us,
  /// more are ns. So each unit covers 1973 to 5138 without overlap.
  package static func parse(_ text: String) -> TimePoint? {
    if text.hasPrefix("-") {
      return DurationText.parse(String(text.dropFirst())).map { .before($0) }
    }
    if text == "now" { return .before(.zero) }
    if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      guard let count = UInt64(text) else { return nil }
      let unit: UInt64
      switch text.utf8.count {
      case ...11: unit = 1_000_000_000
      case ...14: unit = 1_000_000
      case ...17: unit = 1_000
      default: unit = 1
      }
      let (nanoseconds, overflow) = count.multipliedReportingOverflow(by: unit)
      return overflow ? nil : .at(nanoseconds)
    }
    guard let nanoseconds = CalendarTime.nanoseconds(text) else { return nil }
    return UInt64(exactly: max(0, nanoseconds)).map { .at($0) }
  }

  /// Nanoseconds since 1970; `now` is too. 0 when it lies before.
  package func resolved(now: UInt64) -> UInt64 {
    switch self {
    case .at(let nanoseconds): nanoseconds
    case .before(let duration): now - min(now, UInt64(max(0, duration.inNanoseconds)))
    }
  }
}
