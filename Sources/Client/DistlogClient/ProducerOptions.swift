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

  /// The defaults.
  public init() {}
}
