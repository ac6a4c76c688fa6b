import CommitLog
import GRPCWire
import LogAPI
import Protobuf
import RPC

/// How one consume call wants its records, and the building of its messages from stored bytes.
///
/// Stored records lie on disk as the `records` fields of a ConsumeResponse, so a batch is one copy
/// and three numbers. One record per message differs in a single tag byte. Only a key filter,
/// `omit_values` and a stop by time look inside.
struct ConsumeReply {
  /// Records per message at most; 1 puts the record in field 2, as proglog has it.
  let mostRecords: Int
  /// Bytes of records per message, above which only a single record goes.
  let mostBytes: Int
  let filter: RecordFilter?

  /// More than next, end and start offset and the count of lost records take.
  private static let numbersBytes = 64

  init(_ request: ConsumeRequest, limits: ServiceLimits, isStream: Bool) {
    mostRecords = max(1, Int(request.maxRecords))
    let standard = isStream ? limits.streamMessageBytes : limits.answerBytes
    mostBytes =
      request.maxBytes == 0 ? standard : min(Int(request.maxBytes), limits.answerBytes)
    filter = RecordFilter(request)
  }

  var isSingle: Bool { mostRecords == 1 }

  /// What surrounds the records in every message.
  struct Position {
    var end: UInt64
    var start: UInt64
    var lost: UInt64 = 0
  }

  /// Sends the records of a run as one message.
  func sendBatch(_ run: RecordRun, _ position: Position, on call: ServerCall) {
    let next = run.firstOffset + UInt64(run.count)
    call.send(capacity: run.bytes.count + Self.numbersBytes) { buffer in
      var writer = AnswerWriter(buffer)
      writer.bytes(run.bytes)
      Self.write(position, next: next, to: &writer)
      return writer.count
    }
  }

  /// Sends each record of a run as a message of its own.
  func sendSingles(_ run: RecordRun, _ position: Position, on call: ServerCall) {
    var position = position
    var records = StoredRecords(run.bytes)
    var offset = run.firstOffset
    while let field = records.nextField() {
      sendSingle(field, next: offset + 1, position, on: call)
      position.lost = 0
      offset += 1
    }
  }

  private func sendSingle(
    _ field: UnsafeRawBufferPointer, next: UInt64, _ position: Position, on call: ServerCall
  ) {
    call.send(capacity: field.count + Self.numbersBytes) { buffer in
      buffer.copyMemory(from: field)
      buffer[0] = 2 << 3 | 2
      var writer = AnswerWriter(UnsafeMutableRawBufferPointer(rebasing: buffer[field.count...]))
      Self.write(position, next: next, to: &writer)
      return field.count + writer.count
    }
  }

  /// Sends records that passed a filter; nothing when there are none.
  ///
  /// - Parameter next: the offset behind the last record looked at.
  func send(
    _ records: [LogAPI.Record], next: UInt64, _ position: Position, on call: ServerCall
  ) {
    guard !records.isEmpty else { return }
    var position = position
    guard isSingle else { return send(records, nil, next, position, on: call) }
    for record in records {
      send([], record, record.offset + 1, position, on: call)
      // Told once.
      position.lost = 0
    }
  }

  private func send(
    _ records: [LogAPI.Record], _ record: LogAPI.Record?, _ next: UInt64, _ position: Position,
    on call: ServerCall
  ) {
    var response = ConsumeResponse()
    response.record = record
    response.records = records
    response.nextOffset = next
    response.endOffset = position.end
    response.startOffset = position.start
    response.lostRecords = position.lost
    response.serialized().withUnsafeBytes { call.send($0) }
  }

  /// Sends a message without a record: where the consumer stands.
  func sendPosition(
    next: UInt64, _ position: Position, heartbeat: Bool, on call: ServerCall
  ) {
    call.send(capacity: Self.numbersBytes) { buffer in
      var writer = AnswerWriter(buffer)
      Self.write(position, next: next, to: &writer)
      writer.varint(field: 12, heartbeat ? 1 : 0)
      return writer.count
    }
  }

  private static func write(
    _ position: Position, next: UInt64, to writer: inout AnswerWriter
  ) {
    writer.varint(field: 9, next)
    writer.varint(field: 10, position.end)
    writer.varint(field: 11, position.start)
    writer.varint(field: 13, position.lost)
  }
}
