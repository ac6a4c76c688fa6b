/// Sizes and durations as people write them: `64MiB`, `500ms`.
package enum Units {
  private static let sizes: [(suffix: String, bytes: Int)] = [
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1),
  ]

  private static let durations: [(suffix: String, nanoseconds: Int64)] = [
    ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
    ("min", 60_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
  ]

  /// Bytes; a number without a unit is bytes. Nil when the text is not a size.
  package static func parseSize(_ text: String) -> Int? {
    guard let (number, suffix) = split(text) else { return nil }
    if suffix.isEmpty { return number }
    guard let unit = sizes.first(where: { $0.suffix == suffix }) else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit.bytes)
    return overflow ? nil : product
  }

  /// A duration; the unit is required. Nil when the text is not one.
  package static func parseDuration(_ text: String) -> Duration? {
    guard let (number, suffix) = split(text),
      let unit = durations.first(where: { $0.suffix == suffix })
    else { return nil }
    let (product, overflow) = Int64(number).multipliedReportingOverflow(by: unit.nanoseconds)
    return overflow ? nil : .nanoseconds(product)
  }

  private static func split(_ text: String) -> (Int, String)? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int(digits) else { return nil }
    let suffix = text.dropFirst(digits.count).drop { $0 == " " }
    return (number, String(suffix))
  }
}

extension Duration {
  /// Whole nanoseconds; as many as fit for what is longer than 584 years.
  var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    let (whole, overflow) = UInt64(clamping: seconds).multipliedReportingOverflow(
      by: 1_000_000_000)
    let (sum, carry) = whole.addingReportingOverflow(UInt64(clamping: attoseconds / 1_000_000_000))
    return overflow || carry ? .max : sum
  }
}
