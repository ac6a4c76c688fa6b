package import Protobuf

/// Asks for records: from where, until where, how many at a time.
package struct ConsumeRequest: ProtobufMessage {
  package var offset: UInt64 = 0
  /// Empty: the default log.
  package var log = ""
  package var start = StartFrom.offset
  /// 0 or 1: one per response, in `record`.
  package var maxRecords: UInt32 = 0
  /// 0: the server's default. At least one record is always sent.
  package var maxBytes: UInt32 = 0
  package var stop = StopAt.never
  package var consistency = ReadConsistency.local
  /// Consume: how long to hold an empty answer; 0 fails at once.
  package var waitMs: UInt32 = 0
  package var startTimestampUnixNano: UInt64 = 0
  package var stopOffset: UInt64 = 0
  package var stopTimestampUnixNano: UInt64 = 0
  package var onTruncated = OnTruncated.fail
  /// ConsumeStream: tell the position when idle for this long; 0 is never.
  package var heartbeatMs: UInt32 = 0
  /// Offsets, keys, headers and sizes only.
  package var omitValues = false
  /// Only records with exactly this key; empty is all.
  package var keyFilter: [UInt8] = []

  package init() {}

  package static let descriptorName = "log.v1.ConsumeRequest"
  package static let fields = [
    FieldDescription(1, "offset", .uint64),
    FieldDescription(8, "log", .string),
    FieldDescription(9, "start", .enum, of: "log.v1.StartFrom"),
    FieldDescription(10, "max_records", .uint32),
    FieldDescription(11, "max_bytes", .uint32),
    FieldDescription(12, "stop", .enum, of: "log.v1.StopAt"),
    FieldDescription(14, "consistency", .enum, of: "log.v1.ReadConsistency"),
    FieldDescription(15, "wait_ms", .uint32),
    FieldDescription(16, "start_timestamp_unix_nano", .fixed64),
    FieldDescription(17, "stop_offset", .uint64),
    FieldDescription(18, "stop_timestamp_unix_nano", .fixed64),
    FieldDescription(19, "on_truncated", .enum, of: "log.v1.OnTruncated"),
    FieldDescription(20, "heartbeat_ms", .uint32),
    FieldDescription(21, "omit_values", .bool),
    FieldDescription(22, "key_filter", .bytes),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): offset = try reader.varint()
      case .length(8): log = try reader.string(field: 8)
      case .varint(9): start = StartFrom(rawValue: try reader.int32())
      case .varint(10): maxRecords = try reader.uint32()
      case .varint(11): maxBytes = try reader.uint32()
      case .varint(12): stop = StopAt(rawValue: try reader.int32())
      case .varint(14): consistency = ReadConsistency(rawValue: try reader.int32())
      case .varint(15): waitMs = try reader.uint32()
      case .fixed64(16): startTimestampUnixNano = try reader.fixed64()
      case .varint(17): stopOffset = try reader.varint()
      case .fixed64(18): stopTimestampUnixNano = try reader.fixed64()
      case .varint(19): onTruncated = OnTruncated(rawValue: try reader.int32())
      case .varint(20): heartbeatMs = try reader.uint32()
      case .varint(21): omitValues = try reader.bool()
      case .length(22): keyFilter = try reader.byteArray()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.varint(1, offset)
    writer.string(8, log)
    writer.signed(9, start.rawValue)
    writer.varint(10, maxRecords)
    writer.varint(11, maxBytes)
    writer.signed(12, stop.rawValue)
    writer.signed(14, consistency.rawValue)
    writer.varint(15, waitMs)
    writer.fixed64(16, startTimestampUnixNano)
    writer.varint(17, stopOffset)
    writer.fixed64(18, stopTimestampUnixNano)
    writer.signed(19, onTruncated.rawValue)
    writer.varint(20, heartbeatMs)
    writer.bool(21, omitValues)
    writer.bytes(22, keyFilter)
  }
}

/// Records, or with `heartbeat` the position alone.
package struct ConsumeResponse: ProtobufMessage {
  package var record: Record?
  /// Used instead of `record` when more than one was asked for.
  package var records: [Record] = []
  /// Where to resume.
  package var nextOffset: UInt64 = 0
  /// The committed end: the next offset to be given out.
  package var endOffset: UInt64 = 0
  /// The oldest offset kept.
  package var startOffset: UInt64 = 0
  package var heartbeat = false
  /// Skipped because retention removed them.
  package var lostRecords: UInt64 = 0

  package init() {}

  package static let descriptorName = "log.v1.ConsumeResponse"
  package static let fields = [
    FieldDescription(2, "record", .message, of: "log.v1.Record"),
    FieldDescription(8, "records", .message, of: "log.v1.Record", repeated: true),
    FieldDescription(9, "next_offset", .uint64),
    FieldDescription(10, "end_offset", .uint64),
    FieldDescription(11, "start_offset", .uint64),
    FieldDescription(12, "heartbeat", .bool),
    FieldDescription(13, "lost_records", .uint64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(2): try reader.message(into: &record)
      case .length(8): try reader.message(appendingTo: &records)
      case .varint(9): nextOffset = try reader.varint()
      case .varint(10): endOffset = try reader.varint()
      case .varint(11): startOffset = try reader.varint()
      case .varint(12): heartbeat = try reader.bool()
      case .varint(13): lostRecords = try reader.varint()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.message(2, record)
    writer.messages(8, records)
    writer.varint(9, nextOffset)
    writer.varint(10, endOffset)
    writer.varint(11, startOffset)
    writer.bool(12, heartbeat)
    writer.varint(13, lostRecords)
  }
}
