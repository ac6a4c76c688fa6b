import Protobuf
import Testing

/// A list of texts and a message of its own kind: the least that exercises the codec.
private struct Node: ProtobufMessage {
  var name = ""
  var number: UInt64 = 0
  var children: [Node] = []

  static let descriptorName = "test.Node"
  static let fields = [
    FieldDescription(1, "name", .string),
    FieldDescription(2, "number", .uint64),
    FieldDescription(3, "children", .message, of: "test.Node", repeated: true),
  ]

  mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): name = try reader.string(field: 1)
      case .varint(2): number = try reader.varint()
      case .length(3): try reader.message(appendingTo: &children)
      default: try reader.skip(tag)
      }
    }
  }

  func write(to writer: inout WireWriter) {
    writer.string(1, name)
    writer.varint(2, number)
    writer.messages(3, children)
  }
}

@Suite struct WireWriterTests {
  @Test func `defaults are left out unless they are asked for`() {
    var writer = WireWriter()
    writer.varint(1, 0 as UInt64)
    writer.bool(2, false)
    writer.string(3, "")
    writer.bytes(4, [])
    writer.fixed32(5, 0)
    writer.fixed64(6, 0)
    #expect(writer.count == 0)
    writer.varint(1, 0 as UInt64, always: true)
    writer.string(3, "", always: true)
    writer.fixed32(5, 0, always: true)
    #expect(writer.bytes() == [0x08, 0, 0x1A, 0, 0x2D, 0, 0, 0, 0])
  }

  @Test(arguments: [0, 1, 127, 128, 129, 16_383, 16_384, 2_097_151, 2_097_152])
  func `a nested message of any size gets its length in the fewest bytes`(size: Int) {
    var writer = WireWriter(capacity: 0)
    let content = [UInt8](repeating: 7, count: size)
    writer.varint(1, 5 as UInt64)
    writer.nested(2) { inner in content.withUnsafeBytes { inner.raw($0) } }
    writer.varint(3, 6 as UInt64)
    var expected: [UInt8] = [0x08, 5, 0x12]
    var rest = size
    while rest >= 128 {
      expected.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    expected += [UInt8(rest)] + content + [0x18, 6]
    #expect(writer.bytes() == expected)
  }

  @Test func `a writer that is used again starts anew and grows as it must`() {
    var writer = WireWriter(capacity: 0)
    for round in 1...200 {
      writer.removeAll()
      for number in 1...round { writer.varint(1, UInt64(number)) }
      #expect(writer.count == (1...round).reduce(0) { $0 + 1 + Varint.size(UInt64($1)) })
    }
  }
}

@Suite struct WireReaderTests {
  @Test func `a tree survives, up to the depth limit and not beyond`() throws {
    var node = Node()
    for level in 0..<WireReader.maxDepth {
      node = Node(name: "level \(level)", number: 7, children: [node, Node()])
    }
    #expect(try Node(serialized: node.serialized()) == node)
    let deeper = Node(children: [node]).serialized()
    #expect(throws: ProtobufError.tooDeep) { try Node(serialized: deeper) }
  }

  @Test func `a group of any depth is refused without calling itself`() {
    let open = [[UInt8]](repeating: [0x9B, 0x06], count: 1_000_000).flatMap { $0 }
    #expect(throws: ProtobufError.tooDeep) { try Node(serialized: open) }
  }

  @Test func `each mistake has its error`() {
    let cases: [([UInt8], ProtobufError)] = [
      ([0x10], .truncated),
      ([0x10, 0x80], .truncated),
      ([0x10] + [UInt8](repeating: 0x80, count: 11), .malformedVarint),
      ([0x0A, 5, 65], .truncated),
      ([0x0A, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], .malformedVarint),
      ([0x0A, 1, 0xFF], .invalidUTF8(field: 1)),
      ([0x00], .invalidTag),
      ([0x16, 0], .invalidTag),
      ([0x17, 0], .invalidTag),
      ([0x9C, 0x06], .unmatchedGroup),
      ([0x9B, 0x06, 0x94, 0x06], .unmatchedGroup),
      ([0x9B, 0x06], .truncated),
      ([0x2D, 1, 2, 3], .truncated),
      ([0x29, 1, 2, 3, 4, 5, 6, 7], .truncated),
    ]
    for (bytes, error) in cases {
      #expect(throws: error, "\(bytes)") { try Node(serialized: bytes) }
    }
  }

  /// Python's protobuf lets it pass there, the specification nowhere.
  @Test func `field number 0 is refused inside an unknown group as well`() {
    #expect(throws: ProtobufError.invalidTag) {
      try Node(serialized: [0x9B, 0x06, 0x00, 0x01, 0x9C, 0x06])
    }
  }

  @Test func `a claimed length allocates nothing`() {
    // 2^62 bytes of text: the check comes before the copy.
    let bytes: [UInt8] = [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07]
    #expect(throws: ProtobufError.truncated) { try Node(serialized: bytes) }
  }
}

@Suite struct StringMapTests {
  @Test func `keys are told apart by their bytes, not by their looks`() {
    var map = StringMap([("é", "one"), ("e\u{301}", "two"), ("é", "three")])
    #expect(map.count == 2)
    #expect(map["é"] == "three")
    #expect(map["e\u{301}"] == "two")
    map["é"] = nil
    #expect(map.pairs.map(\.value) == ["two"])
  }

  @Test func `pairs come in the order of the keys' bytes`() {
    let map = StringMap([("b", "1"), ("", "2"), ("ab", "3"), ("a", "4"), ("é", "5"), ("Z", "6")])
    #expect(map.pairs.map(\.key) == ["", "Z", "a", "ab", "b", "é"])
  }
}
