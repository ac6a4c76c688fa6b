package import Protobuf

/// One record of a log.
///
/// From clients `offset` and `term` are ignored, and a `type` other than 0 is INVALID_ARGUMENT.
package struct Record: ProtobufMessage {
  package var value: [UInt8] = []
  /// Set by the server.
  package var offset: UInt64 = 0
  /// Of the leader that appended it; set by the server.
  package var term: UInt64 = 0
  /// 0 is data; no other type is ever served.
  package var type: UInt32 = 0
  package var key: [UInt8] = []
  /// Nanoseconds since 1970. 0 on produce: the time of the append. At most 5 minutes ahead of it.
  package var timestampUnixNano: UInt64 = 0
  /// In order; names may repeat.
  package var headers: [Header] = []
  /// Over value, key, then each header's name and value, without lengths; 0 is none.
  /// Checked by the server and served as given.
  package var crc32c: UInt32 = 0

  package init() {}

  /// A record as a client makes it.
  package init(
    value: [UInt8], key: [UInt8] = [], headers: [Header] = [], timestampUnixNano: UInt64 = 0
  ) {
    self.value = value
    self.key = key
    self.headers = headers
    self.timestampUnixNano = timestampUnixNano
  }

  package static let descriptorName = "log.v1.Record"
  package static let fields = [
    FieldDescription(1, "value", .bytes),
    FieldDescription(2, "offset", .uint64),
    FieldDescription(3, "term", .uint64),
    FieldDescription(4, "type", .uint32),
    FieldDescription(8, "key", .bytes),
    FieldDescription(9, "timestamp_unix_nano", .fixed64),
    FieldDescription(10, "headers", .message, of: "log.v1.Header", repeated: true),
    FieldDescription(11, "crc32c", .fixed32),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): value = try reader.byteArray()
      case .varint(2): offset = try reader.varint()
      case .varint(3): term = try reader.varint()
      case .varint(4): type = try reader.uint32()
      case .length(8): key = try reader.byteArray()
      case .fixed64(9): timestampUnixNano = try reader.fixed64()
      case .length(10): try reader.message(appendingTo: &headers)
      case .fixed32(11): crc32c = try reader.fixed32()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.bytes(1, value)
    writer.varint(2, offset)
    writer.varint(3, term)
    writer.varint(4, type)
    writer.bytes(8, key)
    writer.fixed64(9, timestampUnixNano)
    writer.messages(10, headers)
    writer.fixed32(11, crc32c)
  }
}

/// A name and a value that travel with a record.
package struct Header: ProtobufMessage {
  package var name = ""
  package var value: [UInt8] = []

  package init() {}

  package init(
    name: String = "", value: [UInt8] = []
  ) {
    self.name = name
    self.value = value
  }

  package static let descriptorName = "log.v1.Header"
  package static let fields = [
    FieldDescription(1, "name", .string),
    FieldDescription(2, "value", .bytes),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): name = try reader.string(field: 1)
      case .length(2): value = try reader.byteArray()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, name)
    writer.bytes(2, value)
  }
}
