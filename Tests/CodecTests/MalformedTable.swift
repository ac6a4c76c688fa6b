/// Inputs by hand, each family with its reason (RELIABILITY of a codec: every border once).
enum MalformedTable {
  private static let kinds = "kinds.Kinds"

  static func inputs() -> [Python.Input] {
    let all =
      varints() + tags() + lengths() + groups() + nesting() + texts() + numbers() + merges()
      + maps()
    return all.map { Python.Input(message: kinds, bytes: $0) } + truncations()
  }

  /// A field's tag.
  private static func tag(_ number: UInt64, _ wireType: UInt64) -> [UInt8] {
    varint(number << 3 | wireType)
  }

  private static func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
    tag(number, 2) + varint(UInt64(content.count)) + content
  }

  /// Overlong, overflowing and unfinished varints, as values of every kind of field and as
  /// tags and lengths.
  private static func varints() -> [[UInt8]] {
    var values: [[UInt8]] = [
      [0x80], [0x80, 0x00], [0x80, 0x80, 0x00], [0xFF], [0x81, 0x80, 0x80, 0x80, 0x00],
      [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0xFF, 0xFF, 0xFF, 0xFF, 0x1F],
      [0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    ]
    for last in [0x00, 0x01, 0x02, 0x03, 0x7E, 0x7F, 0x80, 0x81, 0xFF] as [UInt8] {
      values.append([UInt8](repeating: 0xFF, count: 9) + [last])
      values.append([UInt8](repeating: 0x80, count: 9) + [last])
      values.append([UInt8](repeating: 0x80, count: 10) + [last])
      values.append([UInt8](repeating: 0x80, count: 8) + [last])
    }
    let numbers: [UInt64] = [3, 4, 5, 8, 13, 14, 17, 18, 20, 24, 30, 99]
    var inputs: [[UInt8]] = []
    for value in values {
      for number in numbers { inputs.append(tag(number, 0) + value) }
      for number in [20, 24, 25] as [UInt64] { inputs.append(field(number, value)) }
      inputs.append(tag(12, 2) + value)
      inputs.append(value)
      inputs.append([0xA0] + value.dropFirst())
    }
    return inputs
  }

  /// Number 0, numbers at the limit and above, wire types 6 and 7, padded tags.
  private static func tags() -> [[UInt8]] {
    var inputs: [[UInt8]] = []
    for wireType in 0...7 as ClosedRange<UInt64> {
      for number in [
        0, 1, 4, 9, 12, 15, 99, 18_999, 19_000, 1 << 28, 1 << 29 - 1, 1 << 29, 1 << 30,
      ]
        as [UInt64]
      {
        inputs.append(tag(number, wireType))
        inputs.append(tag(number, wireType) + [0])
        inputs.append(tag(number, wireType) + [1, 2, 3, 4, 5, 6, 7, 8])
      }
    }
    for padding in 1...10 {
      let zeros = [UInt8](repeating: 0x80, count: padding - 1) + [0]
      inputs.append([0xA0] + zeros + [7])
      inputs.append([0xE2] + zeros + [1, 65])
    }
    return inputs
  }

  private static func lengths() -> [[UInt8]] {
    let lengths: [UInt64] = [
      1, 2, 127, 128, 1 << 16, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 32, 1 << 63 - 1, 1 << 63,
      .max,
    ]
    var inputs: [[UInt8]] = []
    for length in lengths {
      for number in [9, 11, 12, 20, 22, 40, 41, 42, 43, 99] as [UInt64] {
        inputs.append(tag(number, 2) + varint(length))
      }
      inputs.append(tag(12, 2) + varint(length) + [1])
      inputs.append(tag(11, 2) + varint(length) + [0x20, 1])
    }
    return inputs
  }

  private static func groups() -> [[UInt8]] {
    let start = tag(99, 3)
    let end = tag(99, 4)
    var inputs: [[UInt8]] = [
      start, end, start + end, end + start, start + end + end, start + start + end,
      start + start + end + end, start + tag(98, 4), start + tag(98, 3) + end + tag(98, 4),
      start + tag(98, 3) + tag(98, 4) + end, start + [0x20, 1] + end, start + [0x20] + end,
      start + tag(1, 6) + end, start + tag(1, 7) + end,
      start + field(9, [0xFF]) + end, start + tag(12, 2) + [200] + end,
      start + tag(2, 5) + [1, 2] + end, tag(4, 3) + tag(4, 4), tag(4, 3) + tag(4, 4) + [0x20, 5],
      tag(11, 3) + [0x20, 1] + tag(11, 4), tag(11, 3) + tag(4, 4), field(11, start + end),
      field(11, start) + end, field(11, end), field(40, start + [0x20, 1] + end),
      [0x20, 1] + start + end + [0x20, 2], field(99, end),
      tag(0, 3) + tag(0, 4), start + tag(1 << 29, 0) + [1] + end,
    ]
    for depth in [2, 10, 97, 98, 99, 100, 101, 102, 150, 10_000] {
      inputs.append(
        [[UInt8]](repeating: start, count: depth).flatMap { $0 }
          + [[UInt8]](repeating: end, count: depth).flatMap { $0 })
      inputs.append([[UInt8]](repeating: start, count: depth).flatMap { $0 })
    }
    return inputs
  }

  /// Messages and groups inside one another, around the limit of 100 and far beyond it.
  private static func nesting() -> [[UInt8]] {
    var inputs: [[UInt8]] = []
    for depth in [1, 2, 50, 98, 99, 100, 101, 102, 500, 10_000] {
      for number in [11, 40] as [UInt64] {
        var message: [UInt8] = [0x20, 1]
        for _ in 0..<depth { message = field(number, message) }
        inputs.append(message)
      }
      let half = min(depth, 200) / 2
      var mixed = [[UInt8]](repeating: tag(99, 3), count: half).flatMap { $0 }
      mixed += [[UInt8]](repeating: tag(99, 4), count: half).flatMap { $0 }
      for _ in 0..<(min(depth, 200) - half) { mixed = field(11, mixed) }
      inputs.append(mixed)
      var unknown: [UInt8] = [0x20, 1]
      for _ in 0..<depth { unknown = field(99, unknown) }
      inputs.append(unknown)
    }
    var entry = field(43, field(1, [65]))
    for _ in 0..<99 { entry = field(11, entry) }
    inputs += [entry, field(11, entry)]
    return inputs
  }

  /// UTF-8 at every border: RFC 3629 section 4.
  private static func texts() -> [[UInt8]] {
    let texts: [[UInt8]] = [
      [], [0], [0x7F], [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x80],
      [0xC2, 0x41], [0xDF, 0xBF], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xE0, 0xA0, 0x80],
      [0xE0, 0xA0], [0xED, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xEE, 0x80, 0x80],
      [0xEF, 0xBF, 0xBD], [0xEF, 0xBF, 0xBE], [0xEF, 0xBF, 0xBF], [0xEF, 0xBB, 0xBF, 0x41],
      [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80],
      [0xF0, 0x90, 0x80], [0xF4, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80],
      [0xF5, 0x80, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE], [0xFF],
      [0x41, 0x42, 0xFF], [0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80],
      [UInt8](repeating: 0x41, count: 40) + [0xC0],
      [UInt8](repeating: 0x41, count: 40) + [0xC3, 0xA9],
      Array("e\u{301} é".utf8),
    ]
    var inputs: [[UInt8]] = []
    for text in texts {
      for number in [9, 41, 12, 99] as [UInt64] { inputs.append(field(number, text)) }
      inputs.append(field(43, field(1, text)))
      inputs.append(field(43, field(2, text)))
      inputs.append(field(9, text) + field(9, [0x41]))
      inputs.append(field(11, field(9, text)))
    }
    return inputs
  }

  /// Packed, unpacked, both, of wrong sizes; wrong wire types; values cut to 32 bits.
  private static func numbers() -> [[UInt8]] {
    var inputs: [[UInt8]] = []
    for number in [20, 21, 24, 25, 30, 31] as [UInt64] {
      inputs.append(field(number, []))
      inputs.append(field(number, [1, 2, 3]))
      inputs.append(field(number, [1, 0x80]))
      inputs.append(tag(number, 0) + [1] + field(number, [2, 0xAC, 0x02]) + tag(number, 0) + [3])
      inputs.append(tag(number, 1) + [1, 2, 3, 4, 5, 6, 7, 8])
      inputs.append(tag(number, 5) + [1, 2, 3, 4])
      inputs.append(field(number, varint(.max)) + field(number, varint(1 << 32 + 5)))
      inputs.append(field(number, varint(1 << 31)) + field(number, varint(1 << 32 - 1)))
    }
    for number in [22, 23, 32, 33] as [UInt64] {
      for count in 0...17 { inputs.append(field(number, [UInt8](repeating: 7, count: count))) }
      inputs.append(tag(number, 5) + [1, 2, 3, 4] + tag(number, 1) + [1, 2, 3, 4, 5, 6, 7, 8])
      inputs.append(tag(number, 0) + [1])
    }
    for number in [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18] as [UInt64] {
      inputs.append(tag(number, 0) + [5])
      inputs.append(tag(number, 1) + [1, 2, 3, 4, 5, 6, 7, 8])
      inputs.append(field(number, [0x20, 3]))
      inputs.append(tag(number, 5) + [1, 2, 3, 4])
      for value in [0, 2, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 32, 1 << 32 + 1, 1 << 63, .max]
        as [UInt64]
      {
        inputs.append(tag(number, 0) + varint(value))
      }
    }
    return inputs
  }

  /// The last scalar wins, singular messages are merged, repeated fields grow.
  private static func merges() -> [[UInt8]] {
    [
      [0x20, 1, 0x20, 2], [0x20, 1, 0x20, 0], field(9, [65]) + field(9, []),
      field(12, [1]) + field(12, []), field(11, [0x20, 1]) + field(11, [0x28, 2]),
      field(11, [0x20, 1]) + field(11, [0x20, 2]), field(11, [0x20, 1]) + field(11, []),
      field(11, []), field(40, []) + field(40, [0x20, 1]), field(41, []) + field(42, []),
      field(11, field(41, [65])) + field(11, field(41, [66])),
      field(11, field(11, [0x20, 1])) + field(11, field(11, [0x28, 1])),
      field(11, [0x20, 1]) + tag(11, 0) + [1] + field(11, [0x28, 2]),
      tag(536_870_911, 0) + [9], [],
    ]
  }

  private static func maps() -> [[UInt8]] {
    let key = field(1, [65])
    let value = field(2, [66])
    return [
      field(43, []), field(43, key), field(43, value), field(43, key + value),
      field(43, value + key), field(43, key + value + key), field(43, key + value + field(2, [67])),
      field(43, key + value) + field(43, key + field(2, [67])),
      field(43, key + value) + field(43, key), field(43, key + field(9, [1]) + value),
      field(43, tag(1, 0) + [5] + value), field(43, [0x0A]), field(43, [0x0A, 5, 65]),
      field(43, tag(3, 3) + tag(3, 4) + key), field(43, tag(3, 4)), field(43, tag(0, 0) + [1]),
      field(43, field(1, Array("é".utf8)) + value)
        + field(43, field(1, Array("e\u{301}".utf8)) + value),
      field(43, field(1, [66])) + field(43, field(1, [65])) + field(43, field(1, [65, 65])),
      tag(43, 0) + [1],
    ]
  }

  /// Every prefix of one message with a field of every kind, and of a request as clients send it.
  private static func truncations() -> [Python.Input] {
    let everything: [[UInt8]] = [
      tag(1, 1), [1, 2, 3, 4, 5, 6, 7, 8], tag(2, 5), [1, 2, 3, 4], tag(3, 0), varint(.max),
      field(9, Array("añ🙂".utf8)), field(11, [0x20, 1]), field(12, [1, 2]),
      field(20, [1, 0xAC, 2]), field(22, [1, 2, 3, 4, 5, 6, 7, 8]),
      field(43, field(1, [65]) + field(2, [66])), tag(99, 3), [0x20, 1], tag(99, 4),
      tag(536_870_911, 0), [5],
    ]
    let parts: [[UInt8]] = [
      field(1, [1, 2, 3]), field(8, [4]), tag(9, 1), [1, 2, 3, 4, 5, 6, 7, 8],
      field(10, field(1, [65]) + field(2, [66])), tag(11, 5), [1, 2, 3, 4],
    ]
    let record = Array(parts.joined())
    let request = [field(1, record), field(8, [65]), field(9, record), tag(15, 0), [1]]
    return prefixes(kinds, Array(everything.joined()))
      + prefixes("log.v1.ProduceRequest", Array(request.joined()))
  }

  private static func prefixes(_ message: String, _ bytes: [UInt8]) -> [Python.Input] {
    (0...bytes.count).map { Python.Input(message: message, bytes: Array(bytes.prefix($0))) }
  }
}
