package import Protobuf

/// Asks for the image of a log.
package struct BackupRequest: ProtobufMessage {
  /// None: the default log.
  package var logs: [String] = []

  package init() {}

  package static let descriptorName = "log.v1.BackupRequest"
  package static let fields = [FieldDescription(1, "logs", .string, repeated: true)]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): logs.append(try reader.string(field: 1))
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    for log in logs { writer.string(1, log, always: true) }
  }
}

/// A piece of an image.
package struct BackupChunk: ProtobufMessage {
  package var data: [UInt8] = []
  /// About as many as there are in all; in the first chunk.
  package var totalBytes: UInt64 = 0

  package init() {}

  package init(data: [UInt8], totalBytes: UInt64 = 0) {
    self.data = data
    self.totalBytes = totalBytes
  }

  package static let descriptorName = "log.v1.BackupChunk"
  package static let fields = [
    FieldDescription(1, "data", .bytes), FieldDescription(2, "total_bytes", .uint64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): data = try reader.byteArray()
      case .varint(2): totalBytes = try reader.varint()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.bytes(1, data)
    writer.varint(2, totalBytes)
  }
}
