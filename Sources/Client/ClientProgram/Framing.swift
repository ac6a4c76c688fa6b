/// How records lie behind one another in a stream of bytes.
package enum Framing: String, CaseIterable, Sendable {
  /// Each record ends with a newline. On the way in the last may lack it; on the way out none does.
  case lines
  /// Each record ends with a zero byte; the same rule for the last.
  case nul
  /// Each record is preceded by its length: four bytes, big-endian. Carries any bytes.
  case length
  /// One JSON object a line, the protobuf JSON form of log.v1.Record: value, key and header values
  /// in base64. Carries keys, headers and timestamps too.
  case json
  /// The whole input is one record; on the way out records follow one another with nothing between.
  case whole

  /// The byte that ends a record.
  var terminator: UInt8? {
    switch self {
    case .lines, .json: 0x0A
    case .nul: 0
    case .length, .whole: nil
    }
  }

  /// Bytes before each record of `.length`.
  static let lengthPrefixBytes = 4
}
