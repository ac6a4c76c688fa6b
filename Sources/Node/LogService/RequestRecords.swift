import CommitLog
import LogAPI
import Protobuf

/// The records of a request that was validated, as the log takes them.
enum RequestRecords {
  /// Gives each record to `append`, which returns its timestamp; the first one's.
  @inline(__always)
  static func append(
    _ request: UnsafeRawBufferPointer, by requests: ProduceRequestReader,
    _ append: (RecordFields) -> UInt64
  ) -> UInt64 {
    let view: ProduceRequestView
    do throws(ProtobufError) {
      view = try requests.read(request)
    } catch {
      preconditionFailure("a validated request does not decode: \(error)")
    }
    if view.hasRecord { return append(fields(of: view.record)) }
    var firstTimestamp: UInt64?
    for record in view.records {
      let timestamp = append(fields(of: record))
      if firstTimestamp == nil { firstTimestamp = timestamp }
    }
    return firstTimestamp ?? 0
  }

  @inline(__always)
  private static func fields(of record: RecordView) -> RecordFields {
    RecordFields(
      value: record.value, key: record.key, headers: record.headers, timestamp: record.timestamp,
      crc32c: record.crc32c)
  }
}
