package import Protobuf

/// Asks for committed entries that were damaged on the asker's disk.
package struct FetchRequest: ProtobufMessage {
  package var clusterID = ""
  package var logID = ""
  package var index: UInt64 = 0
  /// The first entry that is not needed; 0: as many as fit.
  package var endIndex: UInt64 = 0

  package init() {}

  package static let descriptorName = "raft.v1.FetchRequest"
  package static let fields = [
    FieldDescription(1, "cluster_id", .string), FieldDescription(2, "log_id", .string),
    FieldDescription(3, "index", .uint64), FieldDescription(4, "end_index", .uint64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): clusterID = try reader.string(field: 1)
      case .length(2): logID = try reader.string(field: 2)
      case .varint(3): index = try reader.varint()
      case .varint(4): endIndex = try reader.varint()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, clusterID)
    writer.string(2, logID)
    writer.varint(3, index)
    writer.varint(4, endIndex)
  }
}

/// Entries as they are stored, one behind the other.
package struct FetchResponse: ProtobufMessage {
  package var frames: [UInt8] = []

  package init() {}

  package static let descriptorName = "raft.v1.FetchResponse"
  package static let fields = [FieldDescription(1, "frames", .bytes)]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): frames = try reader.byteArray()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) { writer.bytes(1, frames) }
}
