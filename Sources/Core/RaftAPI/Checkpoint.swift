package import Protobuf

/// What follows from the entries of a log up to one of them.
package struct Checkpoint: ProtobufMessage {
  package var index: UInt64 = 0
  package var term: UInt64 = 0
  package var nextOffset: UInt64 = 0
  package var logTime: UInt64 = 0
  package var maxTimestamp: UInt64 = 0
  package var members: [MemberEntry] = []
  package var producers: [ProducerState] = []
  package var start: LogStart?
  package var settings: LogSettings?

  package init() {}

  package static let descriptorName = "raft.v1.Checkpoint"
  package static let fields = [
    FieldDescription(1, "index", .uint64),
    FieldDescription(2, "term", .uint64),
    FieldDescription(3, "next_offset", .uint64),
    FieldDescription(4, "log_time", .fixed64),
    FieldDescription(5, "max_timestamp", .fixed64),
    FieldDescription(6, "members", .message, of: "raft.v1.Member", repeated: true),
    FieldDescription(7, "producers", .message, of: "raft.v1.ProducerState", repeated: true),
    FieldDescription(8, "start", .message, of: "raft.v1.LogStart"),
    FieldDescription(9, "settings", .message, of: "raft.v1.LogSettings"),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): index = try reader.varint()
      case .varint(2): term = try reader.varint()
      case .varint(3): nextOffset = try reader.varint()
      case .fixed64(4): logTime = try reader.fixed64()
      case .fixed64(5): maxTimestamp = try reader.fixed64()
      case .length(6): try reader.message(appendingTo: &members)
      case .length(7): try reader.message(appendingTo: &producers)
      case .length(8): try reader.message(into: &start)
      case .length(9): try reader.message(into: &settings)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.varint(1, index)
    writer.varint(2, term)
    writer.varint(3, nextOffset)
    writer.fixed64(4, logTime)
    writer.fixed64(5, maxTimestamp)
    writer.messages(6, members)
    writer.messages(7, producers)
    writer.message(8, start)
    writer.message(9, settings)
  }
}

/// A producer and what it appended last.
package struct ProducerState: ProtobufMessage {
  package var producer: ProducerEntry?
  package var lastIndex: UInt64 = 0
  package var appended: [AppendedRequest] = []

  package init() {}

  package static let descriptorName = "raft.v1.ProducerState"
  package static let fields = [
    FieldDescription(1, "producer", .message, of: "raft.v1.Producer"),
    FieldDescription(2, "last_index", .uint64),
    FieldDescription(3, "appended", .message, of: "raft.v1.AppendedRequest", repeated: true),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): try reader.message(into: &producer)
      case .varint(2): lastIndex = try reader.varint()
      case .length(3): try reader.message(appendingTo: &appended)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.message(1, producer)
    writer.varint(2, lastIndex)
    writer.messages(3, appended)
  }
}

/// Requests of a producer in one entry.
package struct AppendedRequest: ProtobufMessage {
  package var sequence: UInt64 = 0
  package var count: UInt64 = 0
  package var baseOffset: UInt64 = 0
  package var index: UInt64 = 0

  package init() {}

  package static let descriptorName = "raft.v1.AppendedRequest"
  package static let fields = [
    FieldDescription(1, "sequence", .uint64),
    FieldDescription(2, "count", .uint64),
    FieldDescription(3, "base_offset", .uint64),
    FieldDescription(4, "index", .uint64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): sequence = try reader.varint()
      case .varint(2): count = try reader.varint()
      case .varint(3): baseOffset = try reader.varint()
      case .varint(4): index = try reader.varint()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.varint(1, sequence)
    writer.varint(2, count)
    writer.varint(3, baseOffset)
    writer.varint(4, index)
  }
}
