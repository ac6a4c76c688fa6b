/// Why bytes are not a protobuf message.
@usableFromInline package enum ProtobufError: Error, Equatable, Sendable {
  /// The bytes end inside a field, or a length says more than there is.
  case truncated
  /// A varint of more than ten bytes, or one that does not fit its type.
  case malformedVarint
  /// Field number 0, a number above 2^29 - 1, or wire type 6 or 7.
  case invalidTag
  /// A `string` field whose bytes are not UTF-8.
  case invalidUTF8(field: UInt32)
  /// More than `WireReader.maxDepth` messages or groups inside one another.
  case tooDeep
  /// The end of a group that was not begun, or of another group.
  case unmatchedGroup
}
