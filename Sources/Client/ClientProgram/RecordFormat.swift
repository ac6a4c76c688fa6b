package import DistlogClient

/// How `--format` prints a record: text with percent escapes, read once and used for every record.
///
/// A newline follows each record.
package struct RecordFormat: Equatable, Sendable {
  package enum Encoding: String, Sendable {
    case raw
    case hex
    case base64
    /// The text in quotes, escaped as JSON has it; what is not UTF-8 is replaced.
    case json
  }

  package enum TimeForm: String, Sendable {
    case rfc3339
    case seconds = "s"
    case milliseconds = "ms"
    case nanoseconds = "ns"
  }

  enum Part: Equatable, Sendable {
    case text([UInt8])
    case offset
    case term
    case time(TimeForm)
    case key(Encoding)
    case value(Encoding)
    case keyBytes(isBigEndian: Bool)
    case valueBytes(isBigEndian: Bool)
    case headers
  }

  /// What in a format cannot be understood.
  package struct Unreadable: Error, Equatable, Sendable {
    package var reason: String
  }

  package static let help = """
    %o offset, %t time (%t{ns}, %t{ms}, %t{s}), %k key, %v value (%v{hex}, %v{base64}, \
    %v{json}), %s size of the value, %K size of the key (%s{big32}: four bytes), %h headers, \
    %T term, %% a percent sign; \\n \\t \\0 \\xHH. A newline follows each record
    """

  var parts: [Part] = []

  package init(_ text: String) throws(Unreadable) {
    var reader = FormatReader(text)
    parts = try reader.parts()
  }

  package func write(
    _ record: borrowing RecordView, to output: inout OutputBuffer
  ) throws(DistlogError) {
    for part in parts {
      switch part {
      case .text(let bytes): bytes.withUnsafeBytes { output.append($0) }
      case .offset: output.append(String(record.offset))
      case .term: output.append(String(record.term))
      case .time(let form): output.append(Self.text(of: record.timestamp, form))
      case .key(let encoding): Self.write(record.key, encoding, to: &output)
      case .value(let encoding): Self.write(record.value, encoding, to: &output)
      case .keyBytes(let isBigEndian): Self.write(record.key.count, isBigEndian, to: &output)
      case .valueBytes(let isBigEndian): Self.write(record.value.count, isBigEndian, to: &output)
      case .headers: Self.write(try record.decodedHeaders(), to: &output)
      }
    }
    output.append(0x0A)
  }

  private static func text(of time: UInt64, _ form: TimeForm) -> String {
    switch form {
    case .rfc3339: CalendarTime.format(time)
    case .seconds: String(time / 1_000_000_000)
    case .milliseconds: String(time / 1_000_000)
    case .nanoseconds: String(time)
    }
  }

  private static func write(
    _ bytes: UnsafeRawBufferPointer, _ encoding: Encoding, to output: inout OutputBuffer
  ) {
    switch encoding {
    case .raw: output.append(bytes)
    case .hex: output.appendHex(bytes)
    case .base64: output.appendBase64(bytes)
    case .json: output.append(JSONText.quoted(String(decoding: bytes, as: UTF8.self)))
    }
  }

  private static func write(_ size: Int, _ isBigEndian: Bool, to output: inout OutputBuffer) {
    if isBigEndian {
      output.append(bigEndian: UInt32(clamping: size))
    } else {
      output.append(String(size))
    }
  }

  private static func write(_ headers: [Record.Header], to output: inout OutputBuffer) {
    for (index, header) in headers.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      output.append(header.name)
      output.append(UInt8(ascii: "="))
      header.value.withUnsafeBytes { output.append($0) }
    }
  }
}

private struct FormatReader {
  private var rest: Substring.UnicodeScalarView
  private var result: [RecordFormat.Part] = []
  private var literal: [UInt8] = []

  init(_ text: String) { rest = Substring(text).unicodeScalars }

  mutating func parts() throws(RecordFormat.Unreadable) -> [RecordFormat.Part] {
    while let next = rest.popFirst() {
      switch next {
      case "%":
        guard let letter = rest.popFirst() else { throw .init(reason: "it ends with a single %") }
        if letter == "%" {
          literal.append(UInt8(ascii: "%"))
        } else {
          let part = try part(letter, modifier: try modifier())
          endLiteral()
          result.append(part)
        }
      case "\\": literal.append(try escaped())
      default: literal.append(contentsOf: String(next).utf8)
      }
    }
    endLiteral()
    return result
  }

  private mutating func endLiteral() {
    if !literal.isEmpty { result.append(.text(literal)) }
    literal = []
  }

  private mutating func modifier() throws(RecordFormat.Unreadable) -> String? {
    guard rest.first == "{" else { return nil }
    guard let close = rest.firstIndex(of: "}") else { throw .init(reason: "a } is missing") }
    let text = String(Substring(rest[..<close].dropFirst()))
    rest = rest[close...].dropFirst()
    return text
  }

  private func part(
    _ letter: Unicode.Scalar, modifier: String?
  ) throws(RecordFormat.Unreadable) -> RecordFormat.Part {
    let part: RecordFormat.Part?
    switch letter {
    case "o": part = modifier == nil ? .offset : nil
    case "T": part = modifier == nil ? .term : nil
    case "h": part = modifier == nil ? .headers : nil
    case "t": part = RecordFormat.TimeForm(rawValue: modifier ?? "rfc3339").map { .time($0) }
    case "k": part = RecordFormat.Encoding(rawValue: modifier ?? "raw").map { .key($0) }
    case "v": part = RecordFormat.Encoding(rawValue: modifier ?? "raw").map { .value($0) }
    case "K": part = isBigEndian(modifier).map { .keyBytes(isBigEndian: $0) }
    case "s": part = isBigEndian(modifier).map { .valueBytes(isBigEndian: $0) }
    default: throw .init(reason: "%\(letter) is not known")
    }
    guard let part else { throw .init(reason: "%\(letter){\(modifier ?? "")} is not known") }
    return part
  }

  private func isBigEndian(_ modifier: String?) -> Bool? {
    switch modifier {
    case nil: false
    case "big32": true
    default: nil
    }
  }

  private mutating func escaped() throws(RecordFormat.Unreadable) -> UInt8 {
    switch rest.popFirst() {
    case "n": return 0x0A
    case "r": return 0x0D
    case "t": return 0x09
    case "0": return 0
    case "\\": return UInt8(ascii: "\\")
    case "x":
      let digits = String(Substring(rest.prefix(2)))
      guard digits.utf8.count == 2, let byte = UInt8(digits, radix: 16) else {
        throw .init(reason: "\\x needs two hex digits")
      }
      rest = rest.dropFirst(2)
      return byte
    case let other?: throw .init(reason: "\\\(other) is not known")
    case nil: throw .init(reason: "it ends with a single \\")
    }
  }
}
