import GRPCWire
import LogAPI
import Protobuf

/// Bytes as protobuf messages: what is accepted is written and read again as the same.
enum WireFuzz {
  private static let messages: [any ProtobufMessage.Type] = [
    Record.self, Header.self, ProduceRequest.self, ProduceResponse.self, Failure.self,
    ConsumeRequest.self, ConsumeResponse.self, GetServersRequest.self, GetServersResponse.self,
    Server.self, DescribeLogRequest.self, UpdateLogRequest.self,
    TruncateLogRequest.self, ListLogsRequest.self, ListLogsResponse.self,
    LogInfo.self, LogConfig.self, FindOffsetRequest.self, FindOffsetResponse.self,
    HealthCheckRequest.self, HealthCheckResponse.self,
    StatusDetails.self, AnyMessage.self, DurationMessage.self, ErrorInfo.self, RetryInfo.self,
    BadRequest.self, BadRequest.FieldViolation.self, LocalizedMessage.self,
  ]

  static func run(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let choice = Int(input.byte())
    switch choice {
    case 0..<messages.count: try roundTrip(messages[choice], input.rest)
    case 254: try walk(input.rest)
    default: try view(input.rest)
    }
  }

  private static func roundTrip<Message: ProtobufMessage>(
    _ type: Message.Type, _ bytes: UnsafeRawBufferPointer
  ) throws(FuzzFinding) {
    guard let message = try? Message(reading: bytes) else { return }
    let written = message.serialized()
    guard let again = try? Message(serialized: written) else {
      throw FuzzFinding("\(Message.descriptorName) cannot read what it wrote")
    }
    try require(again == message, "\(Message.descriptorName) reads something else than it wrote")
    try require(
      again.serialized() == written, "\(Message.descriptorName) writes one value in two ways")
  }

  /// The reader alone: each field by the method that fits its type, or skipped.
  private static func walk(_ bytes: UnsafeRawBufferPointer) throws(FuzzFinding) {
    var reader = WireReader(bytes)
    var fields = 0
    do throws(ProtobufError) {
      while let tag = try reader.next() {
        fields += 1
        switch tag {
        case .length(let number) where number % 4 == 1: _ = try reader.string(field: number)
        case .length(let number) where number % 4 == 2:
          try reader.packed { (inner) throws(ProtobufError) in _ = try inner.sint64() }
        case .length(let number) where number % 4 == 3:
          var inner = try reader.nested()
          while let tag = try inner.next() { try inner.skip(tag) }
        case .varint(let number) where number % 2 == 1: _ = try reader.sint32()
        default: try reader.skip(tag)
        }
      }
    } catch {
      return
    }
    try require(reader.isAtEnd, "the reader stopped before the end")
    try require(fields * 2 <= bytes.count, "\(fields) fields in \(bytes.count) bytes")
  }

  // MARK: - The view of a ProduceRequest

  private struct Told: Equatable {
    var value: [UInt8] = []
    var key: [UInt8] = []
    var headers: [UInt8] = []
    var numbers: [UInt64] = []
  }

  private static func view(_ bytes: UnsafeRawBufferPointer) throws(FuzzFinding) {
    let decoded = try? ProduceRequest(reading: bytes)
    let reader = ProduceRequestReader(maxRecords: .max)
    defer { withExtendedLifetime(reader) {} }
    guard let view = try? reader.read(bytes) else {
      try require(decoded == nil, "the view refuses what the decoder accepts")
      return
    }
    guard let decoded else { throw FuzzFinding("the view accepts what the decoder refuses") }
    try require(view.hasRecord == (decoded.record != nil), "the view differs in hasRecord")
    if let record = decoded.record {
      try require(told(view.record) == told(record), "the view differs in the record")
    }
    try require(view.recordCount == decoded.records.count, "the view differs in recordCount")
    try require(
      view.records.map(told) == decoded.records.map(told), "the view differs in the records")
    try require(
      view.log.elementsEqual(decoded.log.utf8) && view.inlineFailures == decoded.inlineFailures,
      "the view differs in log or inlineFailures")
  }

  private static func told(_ record: Record) -> Told {
    var writer = WireWriter()
    writer.messages(10, record.headers)
    return Told(
      value: record.value, key: record.key, headers: writer.bytes(),
      numbers: [
        UInt64(record.type), record.timestampUnixNano, UInt64(record.crc32c),
        UInt64(record.headers.count),
      ])
  }

  private static func told(_ record: RecordView) -> Told {
    Told(
      value: Array(record.value), key: Array(record.key), headers: Array(record.headers),
      numbers: [
        UInt64(record.type), record.timestamp, UInt64(record.crc32c),
        UInt64(Array(record.headerViews).count),
      ])
  }

  // MARK: - Seeds

  static var seeds: [[UInt8]] {
    var record = Record(
      value: Array("value".utf8), key: Array("key".utf8), headers: [], timestampUnixNano: 12_345)
    var header = Header()
    header.name = "name"
    header.value = [1, 2, 3]
    record.headers = [header, header]
    record.crc32c = 0xDEAD_BEEF
    let one = ProduceRequest(record: record, log: "orders")
    let many = ProduceRequest(records: [record, Record(value: []), record], inlineFailures: true)
    let status = Status(
      .resourceExhausted, "too much", reason: "REASON", metadata: [("key", "value")],
      violations: [(field: "record.value", description: "is missing")],
      retryAfter: .milliseconds(1500), localized: "Too much.")
    var seeds: [[UInt8]] = []
    for request in [one.serialized(), many.serialized()] {
      seeds += [2, 254, 255].map { [$0] + request }
    }
    for choice in messages.indices { seeds.append([UInt8(choice)]) }
    seeds.append([0] + record.serialized())
    seeds.append([19] + status.details)
    // An unknown group around an unknown field sends a request to the full decoder.
    seeds.append([255, 0xA3, 0x06, 0x08, 1, 0xA4, 0x06] + many.serialized())
    return seeds
  }
}
