/// Where to read from, until where, and how.
public struct ConsumeOptions: Sendable, Equatable {
  /// Where reading begins.
  public enum Start: Sendable, Equatable {
    /// At the oldest record kept.
    case earliest
    /// At the newest record.
    case latest
    /// Only what is written after the call.
    case next
    /// So many records before the end.
    case tail(UInt64)
    /// At this record.
    case offset(UInt64)
    /// At the first record at or after this time, nanoseconds since 1970.
    case time(UInt64)
  }

  /// Where reading ends.
  public enum Stop: Sendable, Equatable {
    /// Never: it follows the log.
    case never
    /// The end of the log as it was at the call.
    case end
    /// Before this offset.
    case offset(UInt64)
    /// Before the first record at or after this time, nanoseconds since 1970.
    case time(UInt64)
  }

  /// What to do when records that were asked for are no longer kept.
  public enum LostRecords: Sendable, Equatable {
    /// End with OFFSET_TRUNCATED.
    case fail
    /// Go on with the oldest one kept, and count them.
    case skip
  }

  /// Empty: the default log.
  public var log = ""
  /// Where reading begins.
  public var start = Start.earliest
  /// Where reading ends.
  public var stop = Stop.never
  /// What to do when records are no longer kept.
  public var lost = LostRecords.fail
  /// See everything that was acknowledged before the call, at the price of asking the leader.
  public var isLinearizable = false
  /// Only records with exactly this key; empty: all.
  public var key: [UInt8] = []
  /// The most records of one message.
  public var maxRecords: UInt32 = 10_000
  /// The most bytes of one message, unless a single record is longer.
  public var maxBytes: UInt32 = 256 << 10
  /// Whether to go on at the next offset when a connection is lost; else that is an error.
  public var reconnects = true

  /// All of the default log, and then what is written to it.
  public init() {}
}
