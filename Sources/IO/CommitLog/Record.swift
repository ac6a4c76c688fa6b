/// One record of the log: what a producer wrote, and what the log added.
public struct Record: Sendable, Equatable {
  /// A named value beside the record's own; names may repeat, their order is kept.
  public struct Header: Sendable, Equatable {
    public var name: String
    public var value: [UInt8]

    public init(name: String, value: [UInt8]) {
      self.name = name
      self.value = value
    }
  }

  public var value: [UInt8]
  public var key: [UInt8]
  public var headers: [Header]
  /// The record's place in the log, dense from 0. Set by the log; ignored on append.
  public var offset: UInt64
  /// The term of the leader that appended it; 1 in a log of its own. Set by the log; ignored on append.
  public var term: UInt64
  /// Nanoseconds since 1970. 0 on append: the time of the append.
  public var timestamp: UInt64
  /// CRC-32C over value, key, and each header's name and value; served as given; 0: none.
  public var crc32c: UInt32

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
