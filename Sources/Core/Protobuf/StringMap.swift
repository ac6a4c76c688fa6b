/// A `map<string, string>` field.
package typealias StringMap = WireMap<String>
/// A `map<string, uint64>` field.
package typealias NumberMap = WireMap<UInt64>

/// A map field whose keys are strings: of two entries with the same key the later one counts.
///
/// Keys are equal when their bytes are, as protobuf says; Swift's own strings are equal already
/// when they look alike. Written in the order of the keys' bytes, so that equal maps give equal bytes.
package struct WireMap<Value: Equatable & Sendable>: Equatable, Sendable {
  private struct Key: Hashable, Sendable {
    let text: String

    static func == (left: Key, right: Key) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    func hash(into hasher: inout Hasher) {
      for byte in text.utf8 { hasher.combine(byte) }
    }
  }

  private var values: [Key: Value] = [:]

  package init() {}

  package init(_ pairs: [(String, Value)]) {
    for (key, value) in pairs { self[key] = value }
  }

  package subscript(key: String) -> Value? {
    get { values[Key(text: key)] }
    set { values[Key(text: key)] = newValue }
  }

  package var isEmpty: Bool { values.isEmpty }
  package var count: Int { values.count }

  /// The entries in the order of their keys' bytes.
  package var pairs: [(key: String, value: Value)] {
    values.map { (key: $0.key.text, value: $0.value) }
      .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
  }
}

extension WireReader {
  /// One entry of a map field. An entry with an unknown field counts as unknown as a whole, as in
  /// upb (the decoder under Python's and others' protobuf).
  package mutating func entry(into map: inout StringMap, field: UInt32) throws(ProtobufError) {
    var entry = try nested()
    var key = ""
    var value = ""
    var isKnown = true
    while let tag = try entry.next() {
      switch tag {
      case .length(1): key = try entry.string(field: field)
      case .length(2): value = try entry.string(field: field)
      default:
        try entry.skip(tag)
        isKnown = false
      }
    }
    if isKnown { map[key] = value }
  }

  /// The same of a map to numbers.
  package mutating func entry(into map: inout NumberMap, field: UInt32) throws(ProtobufError) {
    var entry = try nested()
    var key = ""
    var value: UInt64 = 0
    var isKnown = true
    while let tag = try entry.next() {
      switch tag {
      case .length(1): key = try entry.string(field: field)
      case .varint(2): value = try entry.varint()
      default:
        try entry.skip(tag)
        isKnown = false
      }
    }
    if isKnown { map[key] = value }
  }
}

extension WireWriter {
  /// Every entry of a map field; key and value are both written, be they empty or not.
  package mutating func map(_ field: UInt32, _ map: StringMap) {
    for (key, value) in map.pairs {
      nested(field) { entry in
        entry.string(1, key, always: true)
        entry.string(2, value, always: true)
      }
    }
  }

  /// The same of a map to numbers.
  package mutating func map(_ field: UInt32, _ map: NumberMap) {
    for (key, value) in map.pairs {
      nested(field) { entry in
        entry.string(1, key, always: true)
        entry.varint(2, value, always: true)
      }
    }
  }
}
