package import DistlogClient

/// What `produce` was asked to do with its input.
package struct ProduceSettings: Sendable {
  package enum AckOutput: String, CaseIterable, Sendable {
    case none
    /// The offset of each record, a line each.
    case offsets
    /// One JSON object for each request.
    case json
  }

  package var log = ""
  package var framing = Framing.lines
  package var key: [UInt8] = []
  /// What parts key and value in a record; empty: nothing does.
  package var keySeparator: [UInt8] = []
  package var headers: [Record.Header] = []
  /// Nanoseconds since 1970; 0: the time of the append.
  package var timestamp: UInt64 = 0
  /// Records of a request.
  package var maxRecords = 10_000
  package var linger: Duration = .milliseconds(5)
  package var maxInFlight = 16
  /// Send again what a lost connection or leader leaves in doubt; servers know what they have.
  package var isIdempotent = true
  /// The log's next offset must be this for the first record, and go on from there; nil: whatever it is.
  package var expectedOffset: UInt64?
  package var ackOutput = AckOutput.none
  /// Records per second; nil: as fast as it goes.
  package var rate: Double?

  /// A request is sent when it has this many bytes.
  package static let batchBytes = 128 << 10
  /// gRPC's usual limit, and a server's: longer requests are refused there.
  package static let maxRequestBytes = ProduceBatch.maxBytes

  package init() {}
}
