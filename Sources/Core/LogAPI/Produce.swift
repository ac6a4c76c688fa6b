package import Protobuf

/// Asks to append one record, or a batch of them, all or nothing.
package struct ProduceRequest: ProtobufMessage {
  /// One record ...
  package var record: Record?
  /// Empty: the default log.
  package var log = ""
  /// ... or a batch; not both.
  package var records: [Record] = []
  /// 0: not idempotent.
  package var producerID: UInt64 = 0
  package var producerEpoch: UInt32 = 0
  /// Of the first record in this request, counted from 0 in the epoch.
  package var sequence: UInt64 = 0
  /// Append only if this is the log's next offset.
  package var expectedOffset: UInt64?
  /// ProduceStream: report a failure in the response and keep the stream open.
  package var inlineFailures = false

  package init() {}

  package init(
    record: Record? = nil, log: String = "", records: [Record] = [], inlineFailures: Bool = false
  ) {
    self.record = record
    self.log = log
    self.records = records
    self.inlineFailures = inlineFailures
  }

  package static let descriptorName = "log.v1.ProduceRequest"
  package static let fields = [
    FieldDescription(1, "record", .message, of: "log.v1.Record"),
    FieldDescription(8, "log", .string),
    FieldDescription(9, "records", .message, of: "log.v1.Record", repeated: true),
    FieldDescription(10, "producer_id", .uint64), FieldDescription(11, "producer_epoch", .uint32),
    FieldDescription(12, "sequence", .uint64), FieldDescription(13, "expected_offset", .uint64),
    FieldDescription(15, "inline_failures", .bool),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): try reader.message(into: &record)
      case .length(8): log = try reader.string(field: 8)
      case .length(9): try reader.message(appendingTo: &records)
      case .varint(10): producerID = try reader.varint()
      case .varint(11): producerEpoch = try reader.uint32()
      case .varint(12): sequence = try reader.varint()
      case .varint(13): expectedOffset = try reader.varint()
      case .varint(15): inlineFailures = try reader.bool()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.message(1, record)
    writer.string(8, log)
    writer.messages(9, records)
    writer.varint(10, producerID)
    writer.varint(11, producerEpoch)
    writer.varint(12, sequence)
    if let expectedOffset {
      // Of a oneof: 0 is a value, too.
      writer.rawVarint(13 << 3)
      writer.rawVarint(expectedOffset)
    }
    writer.bool(15, inlineFailures)
  }
}

/// Where the records are: on disk, each of them.
package struct ProduceResponse: ProtobufMessage {
  /// Of the first, or only, record.
  package var offset: UInt64 = 0
  package var lastOffset: UInt64 = 0
  package var timestampUnixNano: UInt64 = 0
  /// Seen before; the offsets are the first append's.
  package var duplicate = false
  package var term: UInt64 = 0
  package var durability = Durability.unspecified
  /// Only with `inlineFailures`.
  package var failure: Failure?

  package init() {}

  package init(
    offset: UInt64 = 0, lastOffset: UInt64 = 0, timestampUnixNano: UInt64 = 0, term: UInt64 = 0,
    durability: Durability = .unspecified, failure: Failure? = nil
  ) {
    self.offset = offset
    self.lastOffset = lastOffset
    self.timestampUnixNano = timestampUnixNano
    self.term = term
    self.durability = durability
    self.failure = failure
  }

  package static let descriptorName = "log.v1.ProduceResponse"
  package static let fields = [
    FieldDescription(1, "offset", .uint64),
    FieldDescription(8, "last_offset", .uint64),
    FieldDescription(9, "timestamp_unix_nano", .fixed64),
    FieldDescription(10, "duplicate", .bool),
    FieldDescription(11, "term", .uint64),
    FieldDescription(12, "durability", .enum, of: "log.v1.Durability"),
    FieldDescription(15, "failure", .message, of: "log.v1.Failure"),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): offset = try reader.varint()
      case .varint(8): lastOffset = try reader.varint()
      case .fixed64(9): timestampUnixNano = try reader.fixed64()
      case .varint(10): duplicate = try reader.bool()
      case .varint(11): term = try reader.varint()
      case .varint(12): durability = Durability(rawValue: try reader.int32())
      case .length(15): try reader.message(into: &failure)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.varint(1, offset)
    writer.varint(8, lastOffset)
    writer.fixed64(9, timestampUnixNano)
    writer.bool(10, duplicate)
    writer.varint(11, term)
    writer.signed(12, durability.rawValue)
    writer.message(15, failure)
  }
}

/// What was true of the records when the acknowledgement was sent.
///
/// Open, as every proto3 enum: a newer peer may send a number that is not listed.
package struct Durability: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int32

  package init(rawValue: Int32) { self.rawValue = rawValue }

  package static let unspecified = Durability(rawValue: 0)
  /// Committed; fsync done on a majority.
  package static let quorumSynced = Durability(rawValue: 1)
}

/// A gRPC status inside a stream; `reason` and `metadata` are those of an `ErrorInfo`.
package struct Failure: ProtobufMessage {
  package var code: UInt32 = 0
  package var message = ""
  package var reason = ""
  package var metadata = StringMap()

  package init() {}

  package init(
    code: UInt32 = 0, message: String = "", reason: String = "", metadata: StringMap = StringMap()
  ) {
    self.code = code
    self.message = message
    self.reason = reason
    self.metadata = metadata
  }

  package static let descriptorName = "log.v1.Failure"
  package static let fields = [
    FieldDescription(1, "code", .uint32),
    FieldDescription(2, "message", .string),
    FieldDescription(3, "reason", .string),
    FieldDescription(4, "metadata", .message, of: "log.v1.Failure.MetadataEntry", repeated: true),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): code = try reader.uint32()
      case .length(2): message = try reader.string(field: 2)
      case .length(3): reason = try reader.string(field: 3)
      case .length(4): try reader.entry(into: &metadata, field: 4)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.varint(1, code)
    writer.string(2, message)
    writer.string(3, reason)
    writer.map(4, metadata)
  }
}
