/// One record of a log: bytes, with an optional key, headers and a time.
public struct Record: Sendable, Equatable {
  /// A name and a value that travel with a record. Names may repeat; their order is kept.
  public struct Header: Sendable, Equatable {
    /// 1 to 256 printable ASCII characters.
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
  /// Empty: none.
  public var key: [UInt8]
  /// Named values beside it.
  public var headers: [Header]
  /// Nanoseconds since 1970. 0 when producing: the time of the append.
  public var timestamp: UInt64
  /// The record's position in its log. Set by the server; ignored when producing.
  public internal(set) var offset: UInt64 = 0
  /// Of the leader that appended it. Set by the server.
  public internal(set) var term: UInt64 = 0

  /// A record to be produced.
  public init(
    value: [UInt8], key: [UInt8] = [], headers: [Header] = [], timestamp: UInt64 = 0
  ) {
    self.value = value
    self.key = key
    self.headers = headers
    self.timestamp = timestamp
  }

  /// A record whose value is the UTF-8 of a text.
  public init(_ text: String, key: String = "") {
    self.init(value: Array(text.utf8), key: Array(key.utf8))
  }
}
