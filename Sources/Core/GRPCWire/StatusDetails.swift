package import Protobuf

/// google.rpc.Status: a status with typed details (Protos/status.proto).
package struct StatusDetails: ProtobufMessage {
  package var code: Int32 = 0
  package var message = ""
  package var details: [AnyMessage] = []

  package init() {}

  package init(code: Int32, message: String, details: [AnyMessage] = []) {
    self.code = code
    self.message = message
    self.details = details
  }

  package static let descriptorName = "google.rpc.Status"
  package static let fields = [
    FieldDescription(1, "code", .int32),
    FieldDescription(2, "message", .string),
    FieldDescription(3, "details", .message, of: AnyMessage.descriptorName, repeated: true),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): code = try reader.int32()
      case .length(2): message = try reader.string(field: 2)
      case .length(3): try reader.message(appendingTo: &details)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.signed(1, code)
    writer.string(2, message)
    writer.messages(3, details)
  }
}

/// google.protobuf.Any: a message of a type that is told beside it.
package struct AnyMessage: ProtobufMessage {
  package var typeURL = ""
  package var value: [UInt8] = []

  package init() {}

  package init<Message: ProtobufMessage>(packing message: Message) {
    typeURL = "type.googleapis.com/" + Message.descriptorName
    value = message.serialized()
  }

  /// Whether a `Message` is what `value` holds: the name after the last slash tells.
  package func isA<Message: ProtobufMessage>(_ type: Message.Type) -> Bool {
    typeURL.split(separator: "/", omittingEmptySubsequences: false).last
      .map { $0 == Message.descriptorName } ?? false
  }

  package static let descriptorName = "google.protobuf.Any"
  package static let fields = [
    FieldDescription(1, "type_url", .string),
    FieldDescription(2, "value", .bytes),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): typeURL = try reader.string(field: 1)
      case .length(2): value = try reader.byteArray()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, typeURL)
    writer.bytes(2, value)
  }
}
