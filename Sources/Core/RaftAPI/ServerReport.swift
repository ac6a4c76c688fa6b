package import Protobuf

/// Asks how a server stands.
package struct ReportRequest: ProtobufMessage {

  package init() {}

  package static let descriptorName = "raft.v1.ReportRequest"
  package static let fields: [FieldDescription] = []

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() { try reader.skip(tag) }
  }

  package func write(to writer: inout WireWriter) {
  }
}

/// How a server stands.
package struct ServerReport: ProtobufMessage {
  package var name = ""
  package var state = ""
  package var term: UInt64 = 0
  package var lastIndex: UInt64 = 0
  package var commitIndex: UInt64 = 0
  package var appliedIndex: UInt64 = 0
  package var startOffset: UInt64 = 0
  package var endOffset: UInt64 = 0
  package var newestLogTime: UInt64 = 0
  package var diskFreeBytes: UInt64 = 0
  package var diskUsedBytes: UInt64 = 0
  package var alarms: [ServerAlarm] = []

  package init() {}

  package static let descriptorName = "raft.v1.ServerReport"
  package static let fields = [
    FieldDescription(1, "name", .string),
    FieldDescription(2, "state", .string),
    FieldDescription(3, "term", .uint64),
    FieldDescription(4, "last_index", .uint64),
    FieldDescription(5, "commit_index", .uint64),
    FieldDescription(6, "applied_index", .uint64),
    FieldDescription(7, "start_offset", .uint64),
    FieldDescription(8, "end_offset", .uint64),
    FieldDescription(9, "newest_log_time", .fixed64),
    FieldDescription(10, "disk_free_bytes", .uint64),
    FieldDescription(11, "disk_used_bytes", .uint64),
    FieldDescription(12, "alarms", .message, of: "raft.v1.ServerAlarm", repeated: true),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): name = try reader.string(field: 1)
      case .length(2): state = try reader.string(field: 2)
      case .varint(3): term = try reader.varint()
      case .varint(4): lastIndex = try reader.varint()
      case .varint(5): commitIndex = try reader.varint()
      case .varint(6): appliedIndex = try reader.varint()
      case .varint(7): startOffset = try reader.varint()
      case .varint(8): endOffset = try reader.varint()
      case .fixed64(9): newestLogTime = try reader.fixed64()
      case .varint(10): diskFreeBytes = try reader.varint()
      case .varint(11): diskUsedBytes = try reader.varint()
      case .length(12): try reader.message(appendingTo: &alarms)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, name)
    writer.string(2, state)
    writer.varint(3, term)
    writer.varint(4, lastIndex)
    writer.varint(5, commitIndex)
    writer.varint(6, appliedIndex)
    writer.varint(7, startOffset)
    writer.varint(8, endOffset)
    writer.fixed64(9, newestLogTime)
    writer.varint(10, diskFreeBytes)
    writer.varint(11, diskUsedBytes)
    writer.messages(12, alarms)
  }
}
