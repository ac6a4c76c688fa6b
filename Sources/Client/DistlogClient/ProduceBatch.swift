internal import Protobuf

/// Records on their way to the log: one log.v1.ProduceRequest, all or nothing.
///
/// It is filled by one thread, then handed over and not touched again; hence unchecked.
package final class ProduceBatch: @unchecked Sendable {
  private var writer: WireWriter
  /// Records in it.
  package private(set) var count = 0
  /// Bytes of values in it.
  package private(set) var valueBytes: UInt64 = 0
  /// What the producer calls its first record, in errors: a line number.
  package var firstNumber: UInt64 = 0

  /// Records in the log before it, if the log is to be just so long.
  package var expectedOffset: UInt64?

  private static let logField: UInt32 = 8
  private static let recordsField: UInt32 = 9

  /// - Parameter log: empty for the default log.
  package init(log: String, capacity: Int = 4096) {
    writer = WireWriter(capacity: capacity)
    writer.string(Self.logField, log)
  }

  package var isEmpty: Bool { count == 0 }

  /// Bytes of the request.
  package var bytes: Int { writer.count }

  /// Appends a record. `headers` are encoded fields of a log.v1.Record, see `encode(_:)`.
  package func append(
    value: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer, timestamp: UInt64,
    headers: [UInt8]
  ) {
    let length =
      Self.size(of: value.count) + Self.size(of: key.count) + (timestamp == 0 ? 0 : 9)
      + headers.count
    writer.rawVarint(UInt64(Self.recordsField << 3 | 2))
    writer.rawVarint(UInt64(length))
    writer.bytes(1, value)
    writer.bytes(8, key)
    writer.fixed64(9, timestamp)
    if !headers.isEmpty { headers.withUnsafeBytes { writer.raw($0) } }
    count += 1
    valueBytes += UInt64(value.count)
  }

  package func append(_ record: Record) {
    let headers = Self.encode(record.headers)
    record.value.withUnsafeBytes { value in
      record.key.withUnsafeBytes { key in
        append(value: value, key: key, timestamp: record.timestamp, headers: headers)
      }
    }
  }

  /// Makes it the request of an idempotent producer. Once, before it is sent for the first time: it is sent again as it is.
  func stamp(producer: UInt64, epoch: UInt32, sequence: UInt64) {
    writer.varint(10, producer)
    writer.varint(11, UInt64(epoch))
    writer.varint(12, sequence)
  }

  /// Writes what it expects of the log. Once, before it is sent for the first time.
  func writeExpectation() {
    guard let expectedOffset else { return }
    // Of a oneof: 0 is a value, too.
    writer.rawVarint(13 << 3)
    writer.rawVarint(expectedOffset)
  }

  /// Headers as the fields of a record.
  package static func encode(_ headers: [Record.Header]) -> [UInt8] {
    guard !headers.isEmpty else { return [] }
    var writer = WireWriter()
    for header in headers {
      writer.nested(10) { inner in
        inner.string(1, header.name)
        inner.bytes(2, header.value)
      }
    }
    return writer.bytes()
  }

  /// What a record adds to a request at most, besides value, key and headers.
  package static let overheadBytes = 32

  /// What a server accepts in a request.
  package static let maxRecords = 10_000
  package static let maxBytes = 4 << 20

  /// The most that a record takes in a request.
  static func mostBytes(of record: Record) -> Int {
    record.headers.reduce(overheadBytes + record.value.count + record.key.count) {
      $0 + $1.name.utf8.count + $1.value.count + overheadBytes
    }
  }

  /// Lends the serialized request.
  package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    writer.withUnsafeBytes(body)
  }

  /// The number and size (value, key and headers, as a server counts) of the first record over `limit`.
  package func firstRecord(over limit: Int) -> (number: UInt64, size: Int)? {
    withUnsafeBytes { bytes in
      var reader = WireReader(bytes)
      var number = firstNumber
      while let tag = try? reader.next() {
        guard case .length(Self.recordsField) = tag else {
          guard (try? reader.skip(tag)) != nil else { return nil }
          continue
        }
        guard let content = try? reader.content(), let size = Self.recordSize(content)
        else { return nil }
        if size > limit { return (number, size) }
        number += 1
      }
      return nil
    }
  }

  private static func recordSize(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard let view = try? RecordView(bytes), let headers = try? view.headers() else { return nil }
    return headers.reduce(view.value.count + view.key.count) {
      $0 + $1.name.utf8.count + $1.value.count
    }
  }

  /// A bytes field with a one-byte tag; left out when empty.
  private static func size(of count: Int) -> Int {
    count == 0 ? 0 : 1 + Varint.size(UInt64(count)) + count
  }
}
