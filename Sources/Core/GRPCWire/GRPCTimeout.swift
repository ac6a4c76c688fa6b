/// The `grpc-timeout` header: one to eight digits and a unit.
///
/// Source: gRPC over HTTP/2, "Timeout".
package enum GRPCTimeout {
  private static let maxDigits = 8

  /// Nil when malformed.
  package static func parse(_ text: String) -> Duration? {
    let bytes = text.utf8
    guard bytes.count >= 2, bytes.count <= maxDigits + 1, let unit = bytes.last else { return nil }
    var amount: Int64 = 0
    for digit in bytes.dropLast() {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      amount = amount * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    switch unit {
    case UInt8(ascii: "H"): return .seconds(amount * 3600)
    case UInt8(ascii: "M"): return .seconds(amount * 60)
    case UInt8(ascii: "S"): return .seconds(amount)
    case UInt8(ascii: "m"): return .milliseconds(amount)
    case UInt8(ascii: "u"): return .microseconds(amount)
    case UInt8(ascii: "n"): return .nanoseconds(amount)
    default: return nil
    }
  }

  /// In the finest unit that eight digits have room for, rounded up so that a wait is never cut short.
  package static func format(_ timeout: Duration) -> String {
    let (seconds, attoseconds) = timeout.components
    guard seconds >= 0, attoseconds >= 0 else { return "0n" }
    let nanoseconds = attoseconds / 1_000_000_000 + (attoseconds % 1_000_000_000 > 0 ? 1 : 0)
    for (unit, perSecond) in [
      ("n", Int64(1_000_000_000)), ("u", 1_000_000), ("m", 1_000), ("S", 1),
    ] {
      let (whole, overflow) = seconds.multipliedReportingOverflow(by: perSecond)
      if overflow { continue }
      let amount = whole.addingReportingOverflow(
        roundUp(nanoseconds, by: 1_000_000_000 / perSecond))
      if !amount.overflow, amount.partialValue < limit { return "\(amount.partialValue)\(unit)" }
    }
    let minutes = roundUp(seconds, by: 60)
    if minutes < limit { return "\(minutes)M" }
    return "\(min(roundUp(seconds, by: 3600), limit - 1))H"
  }

  private static let limit: Int64 = 100_000_000

  private static func roundUp(_ amount: Int64, by unit: Int64) -> Int64 {
    amount / unit + (amount % unit > 0 ? 1 : 0)
  }
}
