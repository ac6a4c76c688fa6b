/// Base-128 integers over raw memory, for paths too hot for a `WireReader`.
///
/// Source: Protocol Buffers "Encoding". A value takes 1 to 10 bytes, least significant group
/// first. Bits above the 64th are dropped, as Google's own decoders do.
@usableFromInline package enum Varint {
  /// The most bytes that one value can take.
  @usableFromInline package static let maxSize = 10

  /// The bytes that `value` takes.
  @inlinable @inline(__always)
  package static func size(_ value: UInt64) -> Int {
    (70 - (value | 1).leadingZeroBitCount) / 7
  }

  /// Writes `value` at `target`, which has room for `size(value)` bytes, and gives that size.
  @inlinable @inline(__always)
  package static func write(_ value: UInt64, to target: UnsafeMutableRawPointer) -> Int {
    var rest = value
    var used = 0
    while rest >= 0x80 {
      target.storeBytes(
        of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: used, as: UInt8.self)
      rest >>= 7
      used += 1
    }
    target.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: used, as: UInt8.self)
    return used + 1
  }

  /// Reads a value from at most `limit` bytes and gives the bytes used;
  /// 0 when the value is malformed or not all there (`value` is then unspecified).
  @inlinable @inline(__always)
  package static func read(
    _ source: UnsafeRawPointer, limit: Int, value: inout UInt64
  ) -> Int {
    let result = read(source, limit: limit)
    value = result.value
    return result.used
  }

  /// The same with both results as values, which may stay in registers.
  @inlinable @inline(__always)
  package static func read(
    _ source: UnsafeRawPointer, limit: Int
  ) -> (value: UInt64, used: Int) {
    guard limit > 0 else { return (0, 0) }
    let first = source.load(as: UInt8.self)
    if first < 0x80 { return (UInt64(first), 1) }
    guard limit > 1 else { return (0, 0) }
    let second = source.load(fromByteOffset: 1, as: UInt8.self)
    if second < 0x80 { return (UInt64(first & 0x7F) | UInt64(second) << 7, 2) }
    return readLong(source, limit: limit)
  }

  /// `read` for a value of three bytes and more.
  @inlinable @inline(never)
  package static func readLong(
    _ source: UnsafeRawPointer, limit: Int
  ) -> (value: UInt64, used: Int) {
    var result: UInt64 = 0
    let end = min(limit, maxSize)
    var used = 0
    while used < end {
      let byte = source.load(fromByteOffset: used, as: UInt8.self)
      result |= UInt64(byte & 0x7F) &<< UInt64(7 * used)
      used += 1
      if byte < 0x80 { return (result, used) }
    }
    return (0, 0)
  }

  /// Small magnitudes of both signs as small unsigned numbers: 0, -1, 1, -2 ...
  @inlinable @inline(__always)
  package static func zigZag(_ value: Int64) -> UInt64 {
    UInt64(bitPattern: (value << 1) ^ (value >> 63))
  }

  /// The inverse of `zigZag`.
  @inlinable @inline(__always)
  package static func unZigZag(_ value: UInt64) -> Int64 {
    Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }
}
