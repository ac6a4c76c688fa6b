import Protobuf

/// Makes valid bytes of a message from its description alone, without the codec under test.
struct RandomWire {
  /// How far from what an encoder writes.
  enum Style {
    /// Fields in order, none twice, no defaults, map keys in order: the canonical form.
    case canonical
    /// In any order, with repeats, defaults, unknown fields, packed and unpacked at will.
    case messy
  }

  let descriptors: DescriptorSet
  let style: Style
  /// Whether a messy message may hold a singular message twice.
  var mergesMessages = true
  var random: SeededGenerator

  mutating func message(_ name: String, depth: Int = 0) -> [UInt8] {
    var parts: [[UInt8]] = []
    for field in descriptors.messages[name] ?? [] {
      guard random.chance(depth > 2 ? 15 : 60) else { continue }
      if field.label == 3 {
        parts += repeated(field, depth: depth)
      } else if let part = singular(field, depth: depth) {
        parts.append(part)
        if style == .messy, random.chance(20), mergesMessages || !isMessage(field),
          let again = singular(field, depth: depth)
        {
          parts.append(again)
        }
      }
    }
    if style == .messy {
      if random.chance(30) { parts.append(unknownField()) }
      parts.shuffle(using: &random)
    }
    return parts.flatMap { $0 }
  }

  private func isMessage(_ field: DescriptorSet.Field) -> Bool {
    FieldDescription.Kind(rawValue: field.kind) == .message
  }

  private mutating func singular(_ field: DescriptorSet.Field, depth: Int) -> [UInt8]? {
    let value = self.value(field, depth: depth)
    let isDefault = !isMessage(field) && isZero(value, field)
    return isDefault && style == .canonical ? nil : tag(field) + value
  }

  private mutating func repeated(_ field: DescriptorSet.Field, depth: Int) -> [[UInt8]] {
    if descriptors.mapEntries.contains(field.typeName) { return mapEntries(field) }
    let count = Int.random(in: 0...(depth > 1 ? 2 : 4), using: &random)
    let values = (0..<count).map { _ in value(field, depth: depth) }
    let isPackable = wireType(field) != 2
    let isPacked = isPackable && field.name.hasPrefix("packed")
    guard isPackable, isPacked != (style == .messy && random.chance(50)) else {
      return values.map { tag(field) + $0 }
    }
    let content = values.flatMap { $0 }
    if content.isEmpty { return [] }
    return [varint(UInt64(field.number) << 3 | 2) + varint(UInt64(content.count)) + content]
  }

  private mutating func mapEntries(_ field: DescriptorSet.Field) -> [[UInt8]] {
    let count = Int.random(in: 0...4, using: &random)
    var keys = (0..<count).map { _ in Array(text().utf8) }
    // libprotobuf-c leaves an empty key or value out; Google's encoders, and ours, write it.
    if style == .canonical {
      for index in keys.indices where keys[index].isEmpty { keys[index] = [65] }
      keys = Set(keys).sorted { $0.lexicographicallyPrecedes($1) }
    }
    let valueKind = descriptors.messages[field.typeName]?.first { $0.number == 2 }?.kind
    let hasNumbers = valueKind.flatMap(FieldDescription.Kind.init) == .uint64
    return keys.map { key in
      var parts = [[0x0A] + varint(UInt64(key.count)) + key]
      if hasNumbers {
        parts.append([0x10] + varint(max(number(), style == .canonical ? 1 : 0)))
      } else {
        var value = Array(text().utf8)
        if value.isEmpty, style == .canonical { value = [66] }
        parts.append([0x12] + varint(UInt64(value.count)) + value)
      }
      if style == .messy {
        if random.chance(20) { parts.remove(at: random.chance(50) ? 0 : 1) }
        if random.chance(20) { parts.reverse() }
      }
      let entry = parts.flatMap { $0 }
      return tag(field) + varint(UInt64(entry.count)) + entry
    }
  }

  private mutating func value(_ field: DescriptorSet.Field, depth: Int) -> [UInt8] {
    switch FieldDescription.Kind(rawValue: field.kind) {
    case .message:
      let inner = depth > 3 ? [] : message(field.typeName, depth: depth + 1)
      return varint(UInt64(inner.count)) + inner
    case .string:
      let text = Array(text().utf8)
      return varint(UInt64(text.count)) + text
    case .bytes:
      let content = random.bytes(length())
      return varint(UInt64(content.count)) + content
    case .bool: return [random.chance(70) ? 1 : 0]
    case .fixed64, .sfixed64, .double: return random.bytes(8)
    case .fixed32, .sfixed32, .float: return random.bytes(4)
    case .uint32: return varint(number() & 0xFFFF_FFFF)
    case .sint32:
      return varint(Varint.zigZag(Int64(Int32(truncatingIfNeeded: number()))) & 0xFFFF_FFFF)
    case .int32, .enum:
      return varint(UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: number()))))
    default: return varint(number())
    }
  }

  /// Numbers of every size alike, and the borders.
  private mutating func number() -> UInt64 {
    switch Int.random(in: 0..<6, using: &random) {
    case 0: return [0, 1, 127, 128, UInt64(Int32.max), .max].randomElement(using: &random) ?? 0
    case 1: return UInt64(bitPattern: -Int64.random(in: 1...300, using: &random))
    default: return random.next() >> UInt64.random(in: 0..<64, using: &random)
    }
  }

  /// Around the lengths at which the length itself takes another byte.
  private mutating func length() -> Int {
    switch Int.random(in: 0..<10, using: &random) {
    case 0: 0
    case 1: Int.random(in: 126...130, using: &random)
    case 2: random.chance(10) ? Int.random(in: 16_382...16_386, using: &random) : 200
    default: Int.random(in: 1...20, using: &random)
    }
  }

  /// No NUL: it ends a string in libprotobuf-c.
  private mutating func text() -> String {
    let letters = Array("abcXYZ019 -._/%\u{7F}äß€漢字🙂e\u{301}\u{FFFD}\u{10FFFF}".unicodeScalars)
    var text = String.UnicodeScalarView()
    for _ in 0..<min(length(), 200) { text.append(letters.randomElement(using: &random) ?? "a") }
    return String(text)
  }

  private mutating func unknownField() -> [UInt8] {
    let number = UInt64.random(in: 100...5000, using: &random)
    switch Int.random(in: 0..<5, using: &random) {
    case 0: return varint(number << 3) + varint(random.next())
    case 1: return varint(number << 3 | 1) + random.bytes(8)
    case 2: return varint(number << 3 | 2) + [3, 1, 2, 3]
    case 3: return varint(number << 3 | 3) + [0x08, 0x01] + varint(number << 3 | 4)
    default: return varint(number << 3 | 5) + random.bytes(4)
    }
  }

  private func isZero(_ value: [UInt8], _ field: DescriptorSet.Field) -> Bool {
    value.allSatisfy { $0 == 0 } && (wireType(field) != 2 || value.count == 1)
  }

  private func tag(_ field: DescriptorSet.Field) -> [UInt8] {
    varint(UInt64(field.number) << 3 | wireType(field))
  }

  private func wireType(_ field: DescriptorSet.Field) -> UInt64 {
    switch FieldDescription.Kind(rawValue: field.kind) {
    case .double, .fixed64, .sfixed64: 1
    case .string, .bytes, .message: 2
    case .float, .fixed32, .sfixed32: 5
    default: 0
    }
  }
}

/// A varint, written the plain way.
func varint(_ value: UInt64) -> [UInt8] {
  var bytes: [UInt8] = []
  var rest = value
  while rest >= 0x80 {
    bytes.append(UInt8(rest & 0x7F) | 0x80)
    rest >>= 7
  }
  return bytes + [UInt8(rest)]
}
