package import Protobuf

/// google.rpc.BadRequest: which fields of the request are wrong.
package struct BadRequest: ProtobufMessage {
  package var fieldViolations: [FieldViolation] = []

  package init() {}

  package init(fieldViolations: [FieldViolation]) { self.fieldViolations = fieldViolations }

  package static let descriptorName = "google.rpc.BadRequest"
  package static let fields = [
    FieldDescription(
      1, "field_violations", .message, of: FieldViolation.descriptorName, repeated: true)
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): try reader.message(appendingTo: &fieldViolations)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.messages(1, fieldViolations)
  }

  /// One field, and what is wrong with it.
  package struct FieldViolation: ProtobufMessage {
    /// A path, as in "records[3].key".
    package var field = ""
    package var description = ""

    package init() {}

    package init(field: String, description: String) {
      self.field = field
      self.description = description
    }

    package static let descriptorName = "google.rpc.BadRequest.FieldViolation"
    package static let fields = [
      FieldDescription(1, "field", .string),
      FieldDescription(2, "description", .string),
    ]

    package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
      while let tag = try reader.next() {
        switch tag {
        case .length(1): field = try reader.string(field: 1)
        case .length(2): description = try reader.string(field: 2)
        default: try reader.skip(tag)
        }
      }
    }

    package func write(to writer: inout WireWriter) {
      writer.string(1, field)
      writer.string(2, description)
    }
  }
}
