/// One record of the log: what a producer wrote, and what the log added.
public struct Record: Sendable, Equatable {
  /// A named value beside the record's own; names may repeat, their order is kept.
  public struct Header: Sendable, Equatable {
    /// What it is called; text, and may be empty.
    public var name: String
    /// Any bytes.
    public var value: [UInt8]

    /// A header as a producer writes it.
    public init(name: String, value: [UInt8]) {
      self.name = name
      self.value = value
    }
  }

  /// What the record is about; any bytes.
  public var value: [UInt8]
  /// What it belongs to, empty where that does not matter; the log only keeps it.
  public var key: [UInt8]
  /// Named values beside it, in the order given.
  public var headers: [Header]
  /// The record's place in the log, dense from 0. Set by the log; ignored on append.
  public var offset: UInt64
  /// The term of the leader that appended it; 1 in a log of its own. Set by the log; ignored on append.
  public var term: UInt64
  /// Nanoseconds since 1970. 0 on append: the time of the append.
  public var timestamp: UInt64
  /// CRC-32C over value, key, and each header's name and value; served as given; 0: none.
  public var crc32c: UInt32

  /// A record to be appended needs a value only; the log sets offset and term.
  public init(
    value: [UInt8], key: [UInt8] = [], headers: [Header] = [], offset: UInt64 = 0,
    term: UInt64 = 0, timestamp: UInt64 = 0, crc32c: UInt32 = 0
  ) {
    self.value = value
    self.key = key
    self.headers = headers
    self.offset = offset
    self.term = term
    self.timestamp = timestamp
    self.crc32c = crc32c
  }
}
