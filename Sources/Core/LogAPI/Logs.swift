package import Protobuf

/// Asks how one log is.
package struct DescribeLogRequest: ProtobufMessage {
  package var name = ""

  package init() {}

  package init(
    name: String = ""
  ) {
    self.name = name
  }

  package static let descriptorName = "log.v1.DescribeLogRequest"
  package static let fields = [
    FieldDescription(1, "name", .string)
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): name = try reader.string(field: 1)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, name)
  }
}

/// How one log is.
package struct LogInfo: ProtobufMessage {
  package var name = ""
  /// What is in effect.
  package var config: LogConfig?
  package var startOffset: UInt64 = 0
  package var endOffset: UInt64 = 0
  /// On disk.
  package var bytes: UInt64 = 0
  package var segments: UInt32 = 0
  package var createdUnixNano: UInt64 = 0
  package var firstTimestampUnixNano: UInt64 = 0
  package var lastTimestampUnixNano: UInt64 = 0
  /// Of this life of the log: offsets are never reused within one.
  package var instanceId = ""

  package init() {}

  package static let descriptorName = "log.v1.LogInfo"
  package static let fields = [
    FieldDescription(1, "name", .string),
    FieldDescription(2, "config", .message, of: "log.v1.LogConfig"),
    FieldDescription(3, "start_offset", .uint64),
    FieldDescription(4, "end_offset", .uint64),
    FieldDescription(5, "bytes", .uint64),
    FieldDescription(6, "segments", .uint32),
    FieldDescription(7, "created_unix_nano", .fixed64),
    FieldDescription(8, "first_timestamp_unix_nano", .fixed64),
    FieldDescription(9, "last_timestamp_unix_nano", .fixed64),
    FieldDescription(11, "instance_id", .string),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): name = try reader.string(field: 1)
      case .length(2): try reader.message(into: &config)
      case .varint(3): startOffset = try reader.varint()
      case .varint(4): endOffset = try reader.varint()
      case .varint(5): bytes = try reader.varint()
      case .varint(6): segments = try reader.uint32()
      case .fixed64(7): createdUnixNano = try reader.fixed64()
      case .fixed64(8): firstTimestampUnixNano = try reader.fixed64()
      case .fixed64(9): lastTimestampUnixNano = try reader.fixed64()
      case .length(11): instanceId = try reader.string(field: 11)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, name)
    writer.message(2, config)
    writer.varint(3, startOffset)
    writer.varint(4, endOffset)
    writer.varint(5, bytes)
    writer.varint(6, segments)
    writer.fixed64(7, createdUnixNano)
    writer.fixed64(8, firstTimestampUnixNano)
    writer.fixed64(9, lastTimestampUnixNano)
    writer.string(11, instanceId)
  }
}

/// The settings of a log.
package struct LogConfig: ProtobufMessage {
  /// Segments go while those behind them hold at least this; -1 = no limit.
  package var retentionBytes: Int64 = 0
  /// Segments go when their newest entry is older than this; -1 = no limit.
  package var retentionMs: Int64 = 0
  /// The size at which a segment is closed and the next one begun.
  package var segmentBytes: Int64 = 0
  /// The most bytes of a record.
  package var maxRecordBytes: UInt32 = 0

  package init() {}

  package init(
    retentionBytes: Int64 = 0, retentionMs: Int64 = 0, segmentBytes: Int64 = 0,
    maxRecordBytes: UInt32 = 0
  ) {
    self.retentionBytes = retentionBytes
    self.retentionMs = retentionMs
    self.segmentBytes = segmentBytes
    self.maxRecordBytes = maxRecordBytes
  }

  package static let descriptorName = "log.v1.LogConfig"
  package static let fields = [
    FieldDescription(1, "retention_bytes", .sint64),
    FieldDescription(2, "retention_ms", .sint64),
    FieldDescription(4, "segment_bytes", .sint64),
    FieldDescription(6, "max_record_bytes", .uint32),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): retentionBytes = try reader.sint64()
      case .varint(2): retentionMs = try reader.sint64()
      case .varint(4): segmentBytes = try reader.sint64()
      case .varint(6): maxRecordBytes = try reader.uint32()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.zigZag(1, retentionBytes)
    writer.zigZag(2, retentionMs)
    writer.zigZag(4, segmentBytes)
    writer.varint(6, maxRecordBytes)
  }
}

/// Asks for the logs whose names begin with `prefix`.
package struct ListLogsRequest: ProtobufMessage {
  package var prefix = ""

  package init() {}

  package init(
    prefix: String = ""
  ) {
    self.prefix = prefix
  }

  package static let descriptorName = "log.v1.ListLogsRequest"
  package static let fields = [
    FieldDescription(1, "prefix", .string)
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): prefix = try reader.string(field: 1)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, prefix)
  }
}

/// The logs, in the order of their names.
package struct ListLogsResponse: ProtobufMessage {
  package var logs: [LogInfo] = []

  package init() {}

  package init(
    logs: [LogInfo] = []
  ) {
    self.logs = logs
  }

  package static let descriptorName = "log.v1.ListLogsResponse"
  package static let fields = [
    FieldDescription(1, "logs", .message, of: "log.v1.LogInfo", repeated: true)
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): try reader.message(appendingTo: &logs)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.messages(1, logs)
  }
}

/// Asks for the first record at or after a time.
package struct FindOffsetRequest: ProtobufMessage {
  package var log = ""
  package var timestampUnixNano: UInt64 = 0

  package init() {}

  package init(
    log: String = "", timestampUnixNano: UInt64 = 0
  ) {
    self.log = log
    self.timestampUnixNano = timestampUnixNano
  }

  package static let descriptorName = "log.v1.FindOffsetRequest"
  package static let fields = [
    FieldDescription(1, "log", .string),
    FieldDescription(2, "timestamp_unix_nano", .fixed64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): log = try reader.string(field: 1)
      case .fixed64(2): timestampUnixNano = try reader.fixed64()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, log)
    writer.fixed64(2, timestampUnixNano)
  }
}

/// The record at or after a time, or with `atEnd` the end of the log.
package struct FindOffsetResponse: ProtobufMessage {
  package var offset: UInt64 = 0
  package var timestampUnixNano: UInt64 = 0
  package var atEnd = false

  package init() {}

  package init(
    offset: UInt64 = 0, timestampUnixNano: UInt64 = 0, atEnd: Bool = false
  ) {
    self.offset = offset
    self.timestampUnixNano = timestampUnixNano
    self.atEnd = atEnd
  }

  package static let descriptorName = "log.v1.FindOffsetResponse"
  package static let fields = [
    FieldDescription(1, "offset", .uint64),
    FieldDescription(2, "timestamp_unix_nano", .fixed64),
    FieldDescription(3, "at_end", .bool),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): offset = try reader.varint()
      case .fixed64(2): timestampUnixNano = try reader.fixed64()
      case .varint(3): atEnd = try reader.bool()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.varint(1, offset)
    writer.fixed64(2, timestampUnixNano)
    writer.bool(3, atEnd)
  }
}

/// Sets what is to be kept of a log; what is 0 stays as it is.
package struct UpdateLogRequest: ProtobufMessage {
  package var name = ""
  package var config: LogConfig?

  package init() {}

  package init(name: String = "", config: LogConfig? = nil) {
    self.name = name
    self.config = config
  }

  package static let descriptorName = "log.v1.UpdateLogRequest"
  package static let fields = [
    FieldDescription(1, "name", .string),
    FieldDescription(2, "config", .message, of: "log.v1.LogConfig"),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): name = try reader.string(field: 1)
      case .length(2): try reader.message(into: &config)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, name)
    writer.message(2, config)
  }
}

/// Makes a log begin with the record at an offset.
package struct TruncateLogRequest: ProtobufMessage {
  package var name = ""
  package var beforeOffset: UInt64 = 0

  package init() {}

  package init(name: String = "", beforeOffset: UInt64 = 0) {
    self.name = name
    self.beforeOffset = beforeOffset
  }

  package static let descriptorName = "log.v1.TruncateLogRequest"
  package static let fields = [
    FieldDescription(1, "name", .string), FieldDescription(2, "before_offset", .uint64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): name = try reader.string(field: 1)
      case .varint(2): beforeOffset = try reader.varint()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, name)
    writer.varint(2, beforeOffset)
  }
}
