/// What a .proto file says of one field; a test compares it with the compiled descriptor.
@usableFromInline package struct FieldDescription: Equatable, Sendable {
  /// The types of descriptor.proto's `FieldDescriptorProto.Type`, with its numbers.
  package enum Kind: Int32, Sendable {
    case double = 1, float, int64, uint64, int32, fixed64, fixed32, bool, string, group, message
    case bytes, uint32, `enum`, sfixed32, sfixed64, sint32, sint64
  }

  package let number: UInt32
  /// As in the .proto file: "timestamp_unix_nano".
  package let name: String
  package let kind: Kind
  package let isRepeated: Bool
  /// The full name of the message or enum, empty for other kinds.
  package let typeName: String

  package init(
    _ number: UInt32, _ name: String, _ kind: Kind, of typeName: String = "",
    repeated isRepeated: Bool = false
  ) {
    self.number = number
    self.name = name
    self.kind = kind
    self.isRepeated = isRepeated
    self.typeName = typeName
  }
}
