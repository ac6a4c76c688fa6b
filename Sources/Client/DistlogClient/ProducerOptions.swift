/// How a `Producer` gathers and sends.
public struct ProducerOptions: Sendable, Equatable {
  /// Empty: the default log.
  public var log = ""
  /// The most records of a batch; a server takes 10,000.
  public var maxRecords = 10_000
  /// A batch is sent when it has this many bytes.
  public var batchBytes = 128 << 10
  /// How long a record waits for others to share its batch.
  public var linger: Duration = .milliseconds(5)
  /// Batches sent and not acknowledged; more make `send` wait.
  public var maxInFlight = 16
  /// Whether batches that may have been lost are sent again, under a number by which servers know those that were not.
  /// Without it a lost connection ends the producer.
  public var isIdempotent = true
  /// Keeps the producer's id over its lives, and fences off the life before; empty: a new id each time.
  public var name = ""

  /// The defaults.
  public init() {}
}
