/// Numbers as the summaries show them, alike in every locale.
package enum DecimalText {
  /// `12000` as `12,000`.
  package static func grouped(_ value: some BinaryInteger) -> String {
    var text = ""
    let digits = Array(String(value.magnitude))
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return value < 0 ? "-" + text : text
  }

  /// `value / unit` rounded to one digit after the point: 3,250,586 per 1,048,576 is `3.1`.
  package static func oneDigit(_ value: Int64, per unit: Int64) -> String {
    let tenths = Int64((Double(value) / Double(unit) * 10).rounded())
    return "\(grouped(tenths / 10)).\(tenths % 10)"
  }
}
