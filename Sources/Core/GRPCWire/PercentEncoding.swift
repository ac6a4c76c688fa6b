/// How `grpc-message` carries any text in a header.
///
/// Source: gRPC over HTTP/2, "Percent-Encoded". Space to tilde stand for themselves, the percent
/// sign excepted; every other byte of the UTF-8 is written as %XX.
package enum PercentEncoding {
  /// - Parameter limit: the most bytes of the result; whole characters are cut at the end.
  package static func encode(_ text: String, limit: Int = .max) -> String {
    if text.utf8.count <= limit, text.utf8.allSatisfy(isPlain) { return text }
    var encoded: [UInt8] = []
    encoded.reserveCapacity(min(text.utf8.count + 16, limit))
    for scalar in text.unicodeScalars {
      let size = UTF8.width(scalar)
      let isPlain = size == 1 && isPlain(UInt8(truncatingIfNeeded: scalar.value))
      guard encoded.count + (isPlain ? 1 : 3 * size) <= limit else { break }
      for byte in UTF8.encode(scalar).map(Array.init) ?? [] {
        encoded += isPlain ? [byte] : [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  /// Never fails: what is not a valid %XX stands for itself, and invalid UTF-8 is replaced,
  /// for a broken message must not hide the status.
  package static func decode(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
    var decoded: [UInt8] = []
    let bytes = Array(text.utf8)
    decoded.reserveCapacity(bytes.count)
    var position = 0
    while position < bytes.count {
      if bytes[position] == UInt8(ascii: "%"), position + 2 < bytes.count,
        let high = value(bytes[position + 1]), let low = value(bytes[position + 2])
      {
        decoded.append(high << 4 | low)
        position += 3
      } else {
        decoded.append(bytes[position])
        position += 1
      }
    }
    return String(decoding: decoded, as: UTF8.self)
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte <= 0x7E && byte != UInt8(ascii: "%")
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
