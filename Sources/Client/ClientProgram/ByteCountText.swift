/// Sizes as people write and read them: `64KiB`, `3.1 MiB`.
package enum ByteCountText {
  private static let units: [(name: String, bytes: UInt64)] = [
    ("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ("kB", 1_000), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30),
  ]

  /// Reads a whole number with or without a unit; nil for anything else, or past 64 bits.
  package static func parse(_ text: String) -> UInt64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let name = text.dropFirst(digits.count).drop { $0 == " " }
    guard let number = UInt64(digits), let unit = units.first(where: { $0.name == name })
    else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit.bytes)
    return overflow ? nil : bytes
  }

  /// In the largest binary unit that leaves a number of one and more.
  package static func format(_ bytes: UInt64) -> String {
    let value = Int64(clamping: bytes)
    switch bytes {
    case ..<(1 << 10): return "\(bytes) B"
    case ..<(1 << 20): return DecimalText.oneDigit(value, per: 1 << 10) + " KiB"
    case ..<(1 << 30): return DecimalText.oneDigit(value, per: 1 << 20) + " MiB"
    case ..<(1 << 40): return DecimalText.oneDigit(value, per: 1 << 30) + " GiB"
    default: return DecimalText.oneDigit(value, per: 1 << 40) + " TiB"
    }
  }
}
