/// A JSON value (RFC 8259) as a user wrote it. Numbers keep their text: 64 bits do not fit a Double.
package enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([JSONValue])
  case object([Member])

  package struct Member: Equatable, Sendable {
    package var name: String
    package var value: JSONValue
  }

  /// Where reading failed, in bytes from the start, and why.
  package struct Malformed: Error, Equatable, Sendable {
    package var position: Int
    package var reason: String
  }

  package init(parsing bytes: UnsafeRawBufferPointer) throws(Malformed) {
    var reader = JSONReader(bytes)
    self = try reader.document()
  }

  /// The last member of that name, as JSON libraries do.
  package subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.name == name }?.value
  }
}

private struct JSONReader {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  private var depth = 0
  private static let maxDepth = 32

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func document() throws(JSONValue.Malformed) -> JSONValue {
    let value = try value()
    skipBlanks()
    guard position == bytes.count else { throw failure("something follows the value") }
    return value
  }

  private mutating func value() throws(JSONValue.Malformed) -> JSONValue {
    skipBlanks()
    switch peek() {
    case UInt8(ascii: "{"):
      return try nested { reader throws(JSONValue.Malformed) in
        try reader.object()
      }
    case UInt8(ascii: "["):
      return try nested { reader throws(JSONValue.Malformed) in
        try reader.array()
      }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case nil: throw failure("it ends where a value should be")
    case let byte? where "-0123456789".utf8.contains(byte): return try number()
    default: throw failure("a value should be here")
    }
  }

  private mutating func nested(
    _ body: (inout JSONReader) throws(JSONValue.Malformed) -> JSONValue
  ) throws(JSONValue.Malformed) -> JSONValue {
    guard depth < Self.maxDepth else { throw failure("nested more than \(Self.maxDepth) deep") }
    depth += 1
    defer { depth -= 1 }
    position += 1
    return try body(&self)
  }

  private mutating func object() throws(JSONValue.Malformed) -> JSONValue {
    var members: [JSONValue.Member] = []
    if take("}") { return .object([]) }
    repeat {
      skipBlanks()
      guard peek() == UInt8(ascii: "\"") else { throw failure("a member's name should be here") }
      let name = try string()
      guard take(":") else { throw failure("a colon should be here") }
      members.append(.init(name: name, value: try value()))
    } while take(",")
    guard take("}") else { throw failure("a comma or } should be here") }
    return .object(members)
  }

  private mutating func array() throws(JSONValue.Malformed) -> JSONValue {
    var values: [JSONValue] = []
    if take("]") { return .array([]) }
    repeat { values.append(try value()) } while take(",")
    guard take("]") else { throw failure("a comma or ] should be here") }
    return .array(values)
  }

  private mutating func word(
    _ text: StaticString, _ value: JSONValue
  ) throws(JSONValue.Malformed) -> JSONValue {
    let count = text.utf8CodeUnitCount
    let isThere =
      bytes.count - position >= count
      && bytes[position..<position + count].elementsEqual(
        UnsafeRawBufferPointer(start: text.utf8Start, count: count))
    guard isThere else { throw failure("a value should be here") }
    position += count
    return value
  }

  private mutating func number() throws(JSONValue.Malformed) -> JSONValue {
    let start = position
    while let byte = peek(), "+-.eE0123456789".utf8.contains(byte) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard Double(text) != nil else { throw failure("\(text) is not a number") }
    return .number(text)
  }

  private mutating func string() throws(JSONValue.Malformed) -> String {
    position += 1
    var content: [UInt8] = []
    while let byte = peek() {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else {
          throw failure("the string is not UTF-8")
        }
        return text
      case UInt8(ascii: "\\"): content.append(contentsOf: String(try escaped()).utf8)
      case ..<0x20: throw failure("a control character must be escaped")
      default: content.append(byte)
      }
    }
    throw failure("it ends inside a string")
  }

  private mutating func escaped() throws(JSONValue.Malformed) -> Unicode.Scalar {
    guard let byte = peek() else { throw failure("it ends inside a string") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{08}"
    case UInt8(ascii: "f"): return "\u{0C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicode()
    default: throw failure("no such escape")
    }
  }

  /// One code unit, or two of a surrogate pair.
  private mutating func unicode() throws(JSONValue.Malformed) -> Unicode.Scalar {
    let unit = try fourHexDigits()
    var code = unit
    if (0xD800..<0xDC00).contains(unit), take2("\\u") {
      let low = try fourHexDigits()
      guard (0xDC00..<0xE000).contains(low) else { throw failure("half a surrogate pair") }
      code = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw failure("half a surrogate pair") }
    return scalar
  }

  private mutating func fourHexDigits() throws(JSONValue.Malformed) -> UInt32 {
    guard bytes.count - position >= 4,
      let value = UInt32(
        String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
    else { throw failure("four hex digits should be here") }
    position += 4
    return value
  }

  private mutating func take2(_ text: StaticString) -> Bool {
    guard bytes.count - position >= 2, bytes[position] == text.utf8Start[0],
      bytes[position + 1] == text.utf8Start[1]
    else { return false }
    position += 2
    return true
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard peek() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipBlanks() {
    while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  private func failure(_ reason: String) -> JSONValue.Malformed {
    .init(position: position, reason: reason)
  }
}
