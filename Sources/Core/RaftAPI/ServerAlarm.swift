package import Protobuf

/// What an operator should look at, of the server that says it.
package struct ServerAlarm: ProtobufMessage, Equatable {
  /// DISK_LOW, DISK_FULL, SLOW_DISK, STORAGE_FAILED or CORRUPTION.
  package var kind = ""
  package var message = ""
  /// Nanoseconds since 1970.
  package var sinceUnixNano: UInt64 = 0

  package init() {}

  package init(_ kind: String, _ message: String, since: UInt64 = 0) {
    self.kind = kind
    self.message = message
    sinceUnixNano = since
  }

  package static let descriptorName = "raft.v1.ServerAlarm"
  package static let fields = [
    FieldDescription(1, "kind", .string),
    FieldDescription(2, "message", .string),
    FieldDescription(3, "since_unix_nano", .fixed64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): kind = try reader.string(field: 1)
      case .length(2): message = try reader.string(field: 2)
      case .fixed64(3): sinceUnixNano = try reader.fixed64()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, kind)
    writer.string(2, message)
    writer.fixed64(3, sinceUnixNano)
  }
}
