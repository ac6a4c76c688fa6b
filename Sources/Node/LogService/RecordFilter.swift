import CommitLog
import LogAPI
import Protobuf

/// The parts of a ConsumeRequest that need each record decoded: `key_filter`, `omit_values`, and a
/// stop by time.
struct RecordFilter {
  struct Outcome {
    /// Where to go on.
    var nextOffset: UInt64
    /// The first record at or after the stop time was met.
    var hasStopped = false
    var passed = 0
  }

  let key: [UInt8]
  let omitsValues: Bool
  /// Nanoseconds since 1970; nil = no stop by time.
  let stopTimestamp: UInt64?

  /// Nil when the request asks for nothing that needs decoding.
  init?(_ request: ConsumeRequest) {
    key = request.keyFilter
    omitsValues = request.omitValues
    stopTimestamp = request.stop == .timestamp ? request.stopTimestampUnixNano : nil
    if key.isEmpty, !omitsValues, stopTimestamp == nil { return nil }
  }

  func apply(_ run: RecordRun, _ pass: (LogAPI.Record) -> Void) -> Outcome {
    var outcome = Outcome(nextOffset: run.firstOffset)
    var records = StoredRecords(run.bytes)
    while let bytes = records.nextRecord() {
      guard var record = try? LogAPI.Record(reading: bytes.bytes) else {
        preconditionFailure("a verified record at offset \(outcome.nextOffset) does not decode")
      }
      if let stopTimestamp, record.timestampUnixNano >= stopTimestamp {
        outcome.hasStopped = true
        return outcome
      }
      outcome.nextOffset += 1
      guard key.isEmpty || record.key == key else { continue }
      if omitsValues { record.value = [] }
      outcome.passed += 1
      pass(record)
    }
    return outcome
  }
}

/// Walks a run of stored records without decoding them.
struct StoredRecords {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// The next record with its tag and length.
  mutating func nextField() -> UnsafeRawBufferPointer? {
    next().map { UnsafeRawBufferPointer(rebasing: bytes[$0.field]) }
  }

  /// The next record's own bytes.
  mutating func nextRecord() -> UnsafeRawBufferPointer? {
    next().map { UnsafeRawBufferPointer(rebasing: bytes[$0.record]) }
  }

  private mutating func next() -> (field: Range<Int>, record: Range<Int>)? {
    guard position < bytes.count, let base = bytes.baseAddress else { return nil }
    let start = position
    var length: UInt64 = 0
    let used = Varint.read(base + start + 1, limit: bytes.count - start - 1, value: &length)
    let body = start + 1 + used
    precondition(
      used > 0 && length <= UInt64(bytes.count - body),
      "a verified run of records is malformed at byte \(start)")
    position = body + Int(length)
    return (start..<position, body..<position)
  }
}
