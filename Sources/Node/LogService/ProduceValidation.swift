import CommitLog
import GRPCWire
import LogAPI

/// What the service needs to know of an acceptable request.
package struct ProduceSummary {
  package let records: Int
  package let wantsInlineFailure: Bool
  /// It is of an idempotent producer, or expects an offset: the log has to judge it.
  package let isJudged: Bool
}

/// Judges what clients send before anything of it reaches the log: an entry in the log can be
/// refused by nobody any more.
struct ProduceValidation {
  let limits: ServiceLimits
  /// Nanoseconds since 1970; read only for a record that brings its own timestamp.
  let clock: () -> UInt64

  /// What the request holds, or why it is refused.
  func check(_ request: ProduceRequestView) -> Result<ProduceSummary, Status> {
    guard LogName.isDefault(request.log) else {
      return .failure(.noSuchLog(String(decoding: request.log, as: UTF8.self)))
    }
    guard request.recordCount <= limits.batchRecords else {
      return .failure(
        .invalid(
          "records",
          "\(request.recordCount) records in one batch, the limit is \(limits.batchRecords)"))
    }
    if let refusal = stampRefusal(of: request) { return .failure(refusal) }
    if request.hasRecord {
      guard request.recordCount == 0 else {
        return .failure(
          .invalid("records", "`record` and `records` are both set: send one record, or a batch"))
      }
      if let refusal = refusal(of: request.record, at: nil) { return .failure(refusal) }
      return .success(summary(of: request, records: 1))
    }
    guard request.recordCount > 0 else {
      return .failure(
        .invalid("record", "the request holds no record: set `record`, or `records`"))
    }
    for (index, record) in request.records.enumerated() {
      if let refusal = refusal(of: record, at: index) { return .failure(refusal) }
    }
    return .success(summary(of: request, records: request.recordCount))
  }

  private func summary(of request: ProduceRequestView, records: Int) -> ProduceSummary {
    ProduceSummary(
      records: records, wantsInlineFailure: request.inlineFailures,
      isJudged: request.producerID != 0 || request.expectedOffset != nil)
  }

  /// Numbers from here on are none that a producer could have reached: sums of them must not overflow.
  private static let sequenceLimit: UInt64 = 1 << 62

  private func stampRefusal(of request: ProduceRequestView) -> Status? {
    guard request.producerID != 0 else {
      guard request.sequence == 0, request.producerEpoch == 0 else {
        return .invalid(
          "producer_id",
          "0 beside a sequence or an epoch: get an id by log.v1.Producers/InitProducer")
      }
      return nil
    }
    guard request.sequence < Self.sequenceLimit else {
      return .invalid("sequence", "\(request.sequence) is beyond 2^62")
    }
    return nil
  }

  /// - Parameter index: the record's place in a batch; nil for a single one.
  private func refusal(of record: RecordView, at index: Int?) -> Status? {
    func field(_ name: String) -> String {
      index.map { "records[\($0)].\(name)" } ?? "record.\(name)"
    }
    if record.type != 0 {
      return .invalid(field("type"), "\(record.type) is not a type clients may use: leave it 0")
    }
    if record.key.count > limits.keyBytes {
      return .invalid(
        field("key"), "\(record.key.count) bytes, the limit is \(limits.keyBytes)")
    }
    var headerBytes = 0
    if record.headerCount > 0 {
      switch checkHeaders(of: record, field: field("headers")) {
      case .failure(let status): return status
      case .success(let bytes): headerBytes = bytes
      }
    }
    let size = record.value.count + record.key.count + headerBytes
    if size > limits.recordBytes {
      return .recordTooLarge(size: size, limit: limits.recordBytes)
    }
    if record.timestamp != 0, case let now = clock(),
      record.timestamp > now &+ limits.timestampAhead
    {
      return .invalid(
        field("timestamp_unix_nano"),
        "\(record.timestamp) is more than 5 minutes ahead of the server's clock (\(now))")
    }
    if record.crc32c != 0 {
      let computed = Self.checksum(of: record)
      guard computed == record.crc32c else {
        return .checksumMismatch(given: record.crc32c, computed: computed, field: field("crc32c"))
      }
    }
    return nil
  }

  /// The bytes of all header names and values, or why the headers are refused.
  private func checkHeaders(of record: RecordView, field: String) -> Result<Int, Status> {
    guard record.headerCount <= limits.headers else {
      return .failure(
        .invalid(field, "\(record.headerCount) headers, the limit is \(limits.headers)"))
    }
    var bytes = 0
    for (index, header) in record.headerViews.enumerated() {
      guard (1...limits.headerNameBytes).contains(header.name.count),
        header.name.allSatisfy({ (0x20...0x7e).contains($0) })
      else {
        return .failure(
          .invalid(
            "\(field)[\(index)].name",
            "a header's name is 1 to \(limits.headerNameBytes) printable ASCII characters"))
      }
      bytes += header.name.count + header.value.count
    }
    guard bytes <= limits.headerBytes else {
      return .failure(
        .invalid(field, "\(bytes) bytes of names and values, the limit is \(limits.headerBytes)"))
    }
    return .success(bytes)
  }

  /// CRC32C over value, key, then each header's name and value, without lengths.
  private static func checksum(of record: RecordView) -> UInt32 {
    var crc = CRC32C.checksum(record.value)
    crc = CRC32C.checksum(record.key, continuing: crc)
    for header in record.headerViews {
      crc = CRC32C.checksum(header.name, continuing: crc)
      crc = CRC32C.checksum(header.value, continuing: crc)
    }
    return crc
  }
}
