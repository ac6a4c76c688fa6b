package import Protobuf

/// What an operator should look at.
package struct Alarm: ProtobufMessage, Equatable {
  package var serverID = ""
  /// DISK_LOW, DISK_FULL, SLOW_DISK, STORAGE_FAILED or CORRUPTION.
  package var kind = ""
  package var message = ""
  /// Nanoseconds since 1970.
  package var sinceUnixNano: UInt64 = 0

  package init() {}

  package init(_ serverID: String, _ kind: String, _ message: String, since: UInt64) {
    self.serverID = serverID
    self.kind = kind
    self.message = message
    sinceUnixNano = since
  }

  package static let descriptorName = "log.v1.Alarm"
  package static let fields = [
    FieldDescription(1, "server_id", .string),
    FieldDescription(2, "kind", .string),
    FieldDescription(3, "message", .string),
    FieldDescription(4, "since_unix_nano", .fixed64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): serverID = try reader.string(field: 1)
      case .length(2): kind = try reader.string(field: 2)
      case .length(3): message = try reader.string(field: 3)
      case .fixed64(4): sinceUnixNano = try reader.fixed64()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, serverID)
    writer.string(2, kind)
    writer.string(3, message)
    writer.fixed64(4, sinceUnixNano)
  }
}
