/// The five bytes before each message: a flag, and the length in big-endian order.
///
/// Source: gRPC over HTTP/2, "Length-Prefixed-Message".
@usableFromInline package enum MessagePrefix {
  @usableFromInline package static let size = 5

  /// Writes the prefix of an uncompressed message of `length` bytes.
  @inlinable @inline(__always)
  package static func write(length: Int, to target: UnsafeMutableRawPointer) {
    target.storeBytes(of: 0, as: UInt8.self)
    target.storeBytes(
      of: UInt32(truncatingIfNeeded: length).bigEndian, toByteOffset: 1, as: UInt32.self)
  }
}

/// What cuts a stream of bytes, however split, into messages.
///
/// A message that lies whole in a chunk is handed out in place; one that is split is gathered in
/// a buffer that was made only after its length had been checked against the limit, and that
/// grows with what arrives, not with what the prefix claims.
package struct MessageDeframer: Sendable {
  /// The prefix, and then the message, of which only a part has arrived.
  private var partial: [UInt8] = []
  /// The bytes that `partial` will have when the message is whole; 0 while the prefix is not.
  private var expected = 0

  package init() {}

  /// Whether the bytes so far end inside a message.
  package var isMidMessage: Bool { !partial.isEmpty }

  /// The bytes kept of a message that is not whole yet.
  package var bufferedBytes: Int { partial.count }

  /// Takes the next bytes and hands each message that is now whole to `body`, in order.
  ///
  /// - Parameter limit: the most bytes that one message may have.
  /// - Throws: after an error the stream cannot be read further.
  package mutating func feed(
    _ chunk: UnsafeRawBufferPointer, limit: Int, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(FramingError) {
    var rest = chunk
    if isMidMessage {
      try resume(&rest, limit: limit, body)
    }
    while let base = rest.baseAddress, rest.count >= MessagePrefix.size {
      let length = try Self.length(base, limit: limit)
      let size = MessagePrefix.size + length
      guard rest.count >= size else {
        expected = size
        break
      }
      body(UnsafeRawBufferPointer(start: base + MessagePrefix.size, count: length))
      rest = UnsafeRawBufferPointer(rebasing: rest[size...])
    }
    if !rest.isEmpty { partial.append(contentsOf: rest) }
  }

  /// Goes on with the message begun in an earlier chunk; afterwards either it has been handed
  /// out or `rest` is used up.
  private mutating func resume(
    _ rest: inout UnsafeRawBufferPointer, limit: Int, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(FramingError) {
    if expected == 0 {
      gather(&rest, upTo: MessagePrefix.size)
      guard partial.count == MessagePrefix.size else { return }
      let length = partial[1...].reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
      expected = MessagePrefix.size + (try Self.check(partial[0], length, limit: limit))
    }
    gather(&rest, upTo: expected)
    guard partial.count == expected else { return }
    partial.withUnsafeBytes { whole in
      body(UnsafeRawBufferPointer(rebasing: whole[MessagePrefix.size...]))
    }
    release()
  }

  private mutating func gather(_ rest: inout UnsafeRawBufferPointer, upTo size: Int) {
    let count = min(size - partial.count, rest.count)
    partial.append(contentsOf: rest[..<count])
    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
  }

  /// Empties the buffer; a small one is kept for the next split message.
  private mutating func release() {
    partial.removeAll(keepingCapacity: partial.capacity <= Self.keptCapacity)
    expected = 0
  }

  private static let keptCapacity = 16 << 10

  /// The length in the prefix at `base`.
  private static func length(_ base: UnsafeRawPointer, limit: Int) throws(FramingError) -> Int {
    let length = base.loadUnaligned(fromByteOffset: 1, as: UInt32.self)
    return try check(base.load(as: UInt8.self), UInt32(bigEndian: length), limit: limit)
  }

  /// The length, when it and the flag are allowed.
  private static func check(
    _ flag: UInt8, _ length: UInt32, limit: Int
  ) throws(FramingError) -> Int {
    guard flag == 0 else {
      throw flag == 1 ? .compressedWithoutEncoding : .unknownFlag(flag)
    }
    guard Int(length) <= limit else { throw .messageTooLarge(size: Int(length), limit: limit) }
    return Int(length)
  }
}
