/// Durations as people write and read them: `500ms`, `1h30m`, `2.4 s`.
package enum DurationText {
  private static let units: [(name: String, nanoseconds: Double)] = [
    ("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9), ("d", 86_400e9),
  ]

  /// Reads one or more numbers, each with a unit (ns us ms s m h d); nil for anything else.
  ///
  /// Zero needs no unit. The longest duration is about 290 years, what 64-bit nanoseconds hold.
  package static func parse(_ text: String) -> Duration? {
    if text == "0" { return .zero }
    var rest = Substring(text)
    guard !rest.isEmpty else { return nil }
    var total = 0.0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(name.count)
      guard let number = Double(digits), let unit = units.first(where: { $0.name == name })
      else { return nil }
      total += number * unit.nanoseconds
    }
    guard total < 9.2e18 else { return nil }
    return .nanoseconds(Int64(total))
  }

  /// One number with a unit that fits its size: `6.1 ms`, `2.4 s`, `3 min 20 s`.
  package static func format(_ duration: Duration) -> String {
    let nanoseconds = duration.inNanoseconds
    switch nanoseconds {
    case ..<1_000: return "\(nanoseconds) ns"
    case ..<1_000_000: return DecimalText.oneDigit(nanoseconds, per: 1_000) + " us"
    case ..<1_000_000_000: return DecimalText.oneDigit(nanoseconds, per: 1_000_000) + " ms"
    case ..<100_000_000_000: return DecimalText.oneDigit(nanoseconds, per: 1_000_000_000) + " s"
    default:
      let seconds = nanoseconds / 1_000_000_000
      if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
      return "\(seconds / 3600) h \(seconds / 60 % 60) min"
    }
  }
}

extension Duration {
  /// Whole nanoseconds; past about 290 years, the most that 64 bits hold.
  package var inNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    return product.addingReportingOverflow(attoseconds / 1_000_000_000).partialValue
  }

  package var inSeconds: Double { Double(inNanoseconds) / 1e9 }
}
