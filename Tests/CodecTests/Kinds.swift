import Protobuf

/// A value by reference, so that a message can hold one of its own kind.
final class Box<Value: Sendable & Equatable>: Sendable, Equatable {
  let value: Value

  init(_ value: Value) { self.value = value }

  static func == (left: Box, right: Box) -> Bool { left.value == right.value }
}

/// Tests/Protos/kinds.proto by hand: every kind of field. Floating-point values are kept as their bits.
struct Kinds: ProtobufMessage {
  var doubleValue: UInt64 = 0
  var floatValue: UInt32 = 0
  var int64Value: Int64 = 0
  var uint64Value: UInt64 = 0
  var int32Value: Int32 = 0
  var fixed64Value: UInt64 = 0
  var fixed32Value: UInt32 = 0
  var boolValue = false
  var stringValue = ""
  var messageValue: Box<Kinds>?
  var bytesValue: [UInt8] = []
  var uint32Value: UInt32 = 0
  var enumValue: Int32 = 0
  var sfixed32Value: Int32 = 0
  var sfixed64Value: Int64 = 0
  var sint32Value: Int32 = 0
  var sint64Value: Int64 = 0
  var packedUint64: [UInt64] = []
  var packedSint32: [Int32] = []
  var packedFixed32: [UInt32] = []
  var packedFixed64: [UInt64] = []
  var packedBool: [Bool] = []
  var packedEnum: [Int32] = []
  var unpackedUint64: [UInt64] = []
  var unpackedSint32: [Int32] = []
  var unpackedFixed32: [UInt32] = []
  var unpackedFixed64: [UInt64] = []
  var messages: [Kinds] = []
  var strings: [String] = []
  var byteStrings: [[UInt8]] = []
  var mapValue = StringMap()
  var last: UInt32 = 0

  static let descriptorName = "kinds.Kinds"

  static let fields = [
    FieldDescription(1, "double_value", .double),
    FieldDescription(2, "float_value", .float),
    FieldDescription(3, "int64_value", .int64),
    FieldDescription(4, "uint64_value", .uint64),
    FieldDescription(5, "int32_value", .int32),
    FieldDescription(6, "fixed64_value", .fixed64),
    FieldDescription(7, "fixed32_value", .fixed32),
    FieldDescription(8, "bool_value", .bool),
    FieldDescription(9, "string_value", .string),
    FieldDescription(11, "message_value", .message, of: "kinds.Kinds"),
    FieldDescription(12, "bytes_value", .bytes),
    FieldDescription(13, "uint32_value", .uint32),
    FieldDescription(14, "enum_value", .enum, of: "kinds.Colour"),
    FieldDescription(15, "sfixed32_value", .sfixed32),
    FieldDescription(16, "sfixed64_value", .sfixed64),
    FieldDescription(17, "sint32_value", .sint32),
    FieldDescription(18, "sint64_value", .sint64),
    FieldDescription(20, "packed_uint64", .uint64, repeated: true),
    FieldDescription(21, "packed_sint32", .sint32, repeated: true),
    FieldDescription(22, "packed_fixed32", .fixed32, repeated: true),
    FieldDescription(23, "packed_fixed64", .fixed64, repeated: true),
    FieldDescription(24, "packed_bool", .bool, repeated: true),
    FieldDescription(25, "packed_enum", .enum, of: "kinds.Colour", repeated: true),
    FieldDescription(30, "unpacked_uint64", .uint64, repeated: true),
    FieldDescription(31, "unpacked_sint32", .sint32, repeated: true),
    FieldDescription(32, "unpacked_fixed32", .fixed32, repeated: true),
    FieldDescription(33, "unpacked_fixed64", .fixed64, repeated: true),
    FieldDescription(40, "messages", .message, of: "kinds.Kinds", repeated: true),
    FieldDescription(41, "strings", .string, repeated: true),
    FieldDescription(42, "byte_strings", .bytes, repeated: true),
    FieldDescription(43, "map_value", .message, of: "kinds.Kinds.MapValueEntry", repeated: true),
    FieldDescription(536_870_911, "last", .uint32),
  ]
}

extension Kinds {
  mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      if try mergeSingular(tag, from: &reader) { continue }
      if try mergeRepeated(tag, from: &reader) { continue }
      try reader.skip(tag)
    }
  }

  private mutating func mergeSingular(
    _ tag: WireTag, from reader: inout WireReader
  ) throws(ProtobufError) -> Bool {
    switch tag {
    case .fixed64(1): doubleValue = try reader.fixed64()
    case .fixed32(2): floatValue = try reader.fixed32()
    case .varint(3): int64Value = try reader.int64()
    case .varint(4): uint64Value = try reader.varint()
    case .varint(5): int32Value = try reader.int32()
    case .fixed64(6): fixed64Value = try reader.fixed64()
    case .fixed32(7): fixed32Value = try reader.fixed32()
    case .varint(8): boolValue = try reader.bool()
    case .length(9): stringValue = try reader.string(field: 9)
    case .length(11):
      var value = messageValue?.value
      try reader.message(into: &value)
      messageValue = value.map(Box.init)
    case .length(12): bytesValue = try reader.byteArray()
    case .varint(13): uint32Value = try reader.uint32()
    case .varint(14): enumValue = try reader.int32()
    case .fixed32(15): sfixed32Value = Int32(bitPattern: try reader.fixed32())
    case .fixed64(16): sfixed64Value = Int64(bitPattern: try reader.fixed64())
    case .varint(17): sint32Value = try reader.sint32()
    case .varint(18): sint64Value = try reader.sint64()
    case .varint(536_870_911): last = try reader.uint32()
    default: return false
    }
    return true
  }

  private mutating func mergeRepeated(
    _ tag: WireTag, from reader: inout WireReader
  ) throws(ProtobufError) -> Bool {
    switch tag {
    case .length(40): try reader.message(appendingTo: &messages)
    case .length(41): strings.append(try reader.string(field: 41))
    case .length(42): byteStrings.append(try reader.byteArray())
    case .length(43): try reader.entry(into: &mapValue, field: 43)
    default: return try mergeNumbers(tag, from: &reader)
    }
    return true
  }

  private mutating func mergeNumbers(
    _ tag: WireTag, from reader: inout WireReader
  ) throws(ProtobufError) -> Bool {
    switch tag {
    case .varint(20): packedUint64.append(try reader.varint())
    case .length(20):
      try reader.packed { item throws(ProtobufError) in packedUint64.append(try item.varint()) }
    case .varint(21): packedSint32.append(try reader.sint32())
    case .length(21):
      try reader.packed { item throws(ProtobufError) in packedSint32.append(try item.sint32()) }
    case .fixed32(22): packedFixed32.append(try reader.fixed32())
    case .length(22):
      try reader.packed { item throws(ProtobufError) in packedFixed32.append(try item.fixed32()) }
    case .fixed64(23): packedFixed64.append(try reader.fixed64())
    case .length(23):
      try reader.packed { item throws(ProtobufError) in packedFixed64.append(try item.fixed64()) }
    case .varint(24): packedBool.append(try reader.bool())
    case .length(24):
      try reader.packed { item throws(ProtobufError) in packedBool.append(try item.bool()) }
    case .varint(25): packedEnum.append(try reader.int32())
    case .length(25):
      try reader.packed { item throws(ProtobufError) in packedEnum.append(try item.int32()) }
    case .varint(30): unpackedUint64.append(try reader.varint())
    case .length(30):
      try reader.packed { item throws(ProtobufError) in unpackedUint64.append(try item.varint()) }
    case .varint(31): unpackedSint32.append(try reader.sint32())
    case .length(31):
      try reader.packed { item throws(ProtobufError) in unpackedSint32.append(try item.sint32()) }
    case .fixed32(32): unpackedFixed32.append(try reader.fixed32())
    case .length(32):
      try reader.packed { item throws(ProtobufError) in unpackedFixed32.append(try item.fixed32()) }
    case .fixed64(33): unpackedFixed64.append(try reader.fixed64())
    case .length(33):
      try reader.packed { item throws(ProtobufError) in unpackedFixed64.append(try item.fixed64()) }
    default: return false
    }
    return true
  }

  func write(to writer: inout WireWriter) {
    writer.fixed64(1, doubleValue)
    writer.fixed32(2, floatValue)
    writer.signed(3, int64Value)
    writer.varint(4, uint64Value)
    writer.signed(5, int32Value)
    writer.fixed64(6, fixed64Value)
    writer.fixed32(7, fixed32Value)
    writer.bool(8, boolValue)
    writer.string(9, stringValue)
    writer.message(11, messageValue?.value)
    writer.bytes(12, bytesValue)
    writer.varint(13, uint32Value)
    writer.signed(14, enumValue)
    writer.fixed32(15, UInt32(bitPattern: sfixed32Value))
    writer.fixed64(16, UInt64(bitPattern: sfixed64Value))
    writer.zigZag(17, Int64(sint32Value))
    writer.zigZag(18, sint64Value)
    writeRepeated(to: &writer)
    writer.varint(536_870_911, last)
  }

  private func writeRepeated(to writer: inout WireWriter) {
    writer.packed(20, packedUint64) { $0.rawVarint($1) }
    writer.packed(21, packedSint32) { $0.rawVarint(Varint.zigZag(Int64($1))) }
    writer.packed(22, packedFixed32) { $0.rawFixed32($1) }
    writer.packed(23, packedFixed64) { $0.rawFixed64($1) }
    writer.packed(24, packedBool) { $0.rawVarint($1 ? 1 : 0) }
    writer.packed(25, packedEnum) { $0.rawVarint(UInt64(bitPattern: Int64($1))) }
    for value in unpackedUint64 { writer.varint(30, value, always: true) }
    for value in unpackedSint32 { writer.zigZag(31, Int64(value), always: true) }
    for value in unpackedFixed32 { writer.fixed32(32, value, always: true) }
    for value in unpackedFixed64 { writer.fixed64(33, value, always: true) }
    writer.messages(40, messages)
    for value in strings { writer.string(41, value, always: true) }
    for value in byteStrings { writer.bytes(42, value, always: true) }
    writer.map(43, mapValue)
  }
}
