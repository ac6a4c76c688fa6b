/// A point in time as a date and a time of day in UTC, after RFC 3339.
///
/// Nanoseconds since 1970 in 64 bits without a sign hold 1970 to 2554.
package enum CalendarTime {
  /// Reads `2026-11-23T01:50:13.5Z`, with `Z` or an offset (`+02:00`), a space or `t` for the `T`;
  /// a date alone is its midnight in UTC. Nil for anything else.
  package static func parse(_ text: String) -> UInt64? {
    nanoseconds(text).flatMap { UInt64(exactly: $0) }
  }

  /// The same for all years from 0 to 9999: negative before 1970.
  static func nanoseconds(_ text: String) -> Int128? {
    var fields = Fields(text)
    guard let year = fields.number(4), fields.take("-"), let month = fields.number(2),
      fields.take("-"), let day = fields.number(2),
      (1...12).contains(month), (1...daysIn(month, of: year)).contains(day)
    else { return nil }
    var seconds = daysSince1970(year: year, month: month, day: day) * 86_400
    var nanoseconds: Int64 = 0
    if !fields.isAtEnd {
      guard fields.takeAny("Tt "), let hour = fields.number(2), fields.take(":"),
        let minute = fields.number(2), fields.take(":"), let second = fields.number(2),
        hour < 24, minute < 60, second <= 60
      else { return nil }
      seconds += hour * 3600 + minute * 60 + second
      if fields.take(".") {
        guard let fraction = fields.fraction() else { return nil }
        nanoseconds = fraction
      }
      guard let offset = fields.zone(), fields.isAtEnd else { return nil }
      seconds -= offset
    }
    return Int128(seconds) * 1_000_000_000 + Int128(nanoseconds)
  }

  /// RFC 3339 in UTC with nine digits of fraction, so that equal times look equal and sort by text.
  package static func format(_ nanoseconds: UInt64) -> String {
    let seconds = Int64(nanoseconds / 1_000_000_000)
    let (year, month, day) = date(daysSince1970: seconds / 86_400)
    let time = seconds % 86_400
    let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    let clock =
      "\(padded(time / 3600, 2)):\(padded(time / 60 % 60, 2)):\(padded(time % 60, 2))"
    return "\(date)T\(clock).\(padded(Int64(nanoseconds % 1_000_000_000), 9))Z"
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func daysIn(_ month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  // Both ways after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in
  // March, so that the leap day is the last of its year.

  private static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let era = year / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func date(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let days = daysSince1970 + 719_468
    let era = days / 146_097
    let dayOfEra = days - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shifted + 2) / 5 + 1)
  }
}

/// A walk over the characters of a time.
private struct Fields {
  private var rest: Substring.UTF8View

  init(_ text: String) { rest = Substring(text).utf8 }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func takeAny(_ characters: String) -> Bool {
    guard let next = rest.first, characters.utf8.contains(next) else { return false }
    rest = rest.dropFirst()
    return true
  }

  mutating func take(_ character: String) -> Bool { takeAny(character) }

  /// Exactly `count` digits.
  mutating func number(_ count: Int) -> Int64? {
    var value: Int64 = 0
    for _ in 0..<count {
      guard let next = rest.first, (0x30...0x39).contains(next) else { return nil }
      value = value * 10 + Int64(next - 0x30)
      rest = rest.dropFirst()
    }
    return value
  }

  /// One to nine digits after the point, as nanoseconds; digits beyond count for nothing.
  mutating func fraction() -> Int64? {
    var value: Int64 = 0
    var count = 0
    while let next = rest.first, (0x30...0x39).contains(next) {
      if count < 9 { value = value * 10 + Int64(next - 0x30) }
      count += 1
      rest = rest.dropFirst()
    }
    guard count > 0 else { return nil }
    for _ in min(count, 9)..<9 { value *= 10 }
    return value
  }

  /// Seconds east of Greenwich.
  mutating func zone() -> Int64? {
    if takeAny("Zz") { return 0 }
    let sign: Int64
    if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
    guard let hours = number(2), take(":"), let minutes = number(2), hours < 24, minutes < 60
    else { return nil }
    return sign * (hours * 3600 + minutes * 60)
  }
}
