/// Every limit the log service enforces on what clients send and hold open.
package struct ServiceLimits: Sendable {
  /// Bytes of one record's value, key and headers together.
  package var recordBytes = 1 << 20
  /// Bytes of one record's key.
  package var keyBytes = 64 << 10
  /// Headers of one record.
  package var headers = 64
  /// Bytes of one header's name, which is printable ASCII.
  package var headerNameBytes = 256
  /// Bytes of all header names and values of one record.
  package var headerBytes = 64 << 10
  /// Records in one Produce request.
  package var batchRecords = 10_000
  /// How far ahead of the server's clock a record's own timestamp may be, in nanoseconds.
  package var timestampAhead: UInt64 = 5 * 60 * 1_000_000_000
  /// Request bytes accepted but not yet on disk, over all connections; more is answered RATE_LIMITED.
  package var unwrittenBytes = 256 << 20
  /// Request bytes of one ProduceStream that are not yet on disk, once it has shown that it sends many: a
  /// slow disk then takes more with each sync.
  package var produceWindowBytes = 1 << 20
  /// Bytes of one answer to Consume, and the most a client may ask for with `max_bytes`.
  package var answerBytes = 1 << 20
  /// Bytes of one ConsumeStream message when the client names no `max_bytes`. It is also what a
  /// consumer that reads nothing may hold in this server's memory.
  package var streamMessageBytes = 32 << 10
  /// How long flow control may hold a consumer before it is closed with CONSUMER_STALLED.
  package var consumerStall: Duration = .seconds(600)
  /// The longest `wait_ms` that is honoured.
  package var longestWait: Duration = .seconds(300)

  package init() {}
}
