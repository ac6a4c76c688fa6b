import CommitLog
import LogAPI
import Protobuf
import RaftNode

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

  /// Which producer's request it is, and the offset that it expects.
  static func conditions(
    of request: UnsafeRawBufferPointer, by requests: ProduceRequestReader
  ) -> (ProducerStamp?, expectedOffset: UInt64?) {
    guard let view = try? requests.read(request) else {
      preconditionFailure("a validated request does not decode")
    }
    guard view.producerID != 0 else { return (nil, view.expectedOffset) }
    let stamp = ProducerStamp(
      id: view.producerID, epoch: view.producerEpoch, sequence: view.sequence)
    return (stamp, view.expectedOffset)
  }

  @inline(__always)
  private static func fields(of record: RecordView) -> RecordFields {
    RecordFields(
      value: record.value, key: record.key, headers: record.headers, timestamp: record.timestamp,
      crc32c: record.crc32c)
  }
}
