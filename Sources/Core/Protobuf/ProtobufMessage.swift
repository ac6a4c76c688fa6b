/// A value that is one message of a .proto file.
@usableFromInline package protocol ProtobufMessage: Sendable, Equatable {
  /// The message with every field at its default.
  init()

  /// Reads fields into this value: a scalar replaces, a message merges, a repeated field grows.
  mutating func merge(from reader: inout WireReader) throws(ProtobufError)

  /// Appends the fields in the order of their numbers.
  func write(to writer: inout WireWriter)

  /// The full name in the .proto file, as in "log.v1.Record".
  static var descriptorName: String { get }

  /// Every field, in the order of its number.
  static var fields: [FieldDescription] { get }
}

extension ProtobufMessage {
  @inlinable
  package init(reading span: RawSpan) throws(ProtobufError) {
    self = try span.withUnsafeBytes { bytes throws(ProtobufError) in try Self(reading: bytes) }
  }

  @inlinable
  package init(reading bytes: UnsafeRawBufferPointer) throws(ProtobufError) {
    self.init()
    var reader = WireReader(bytes)
    try merge(from: &reader)
  }

  @inlinable
  package init(serialized bytes: [UInt8]) throws(ProtobufError) {
    try self.init(reading: bytes.span.bytes)
  }

  @inlinable
  package func serialized() -> [UInt8] {
    var writer = WireWriter()
    write(to: &writer)
    return writer.bytes()
  }
}
