import Protobuf

/// A place in raw bytes, for scanning them without allocation. Nothing it gives lies outside them.
///
/// Everything is inlined: once the address of a cursor is passed on, it no longer lives in registers.
struct ByteCursor {
  private(set) var position: UnsafeRawPointer
  private let end: UnsafeRawPointer

  @inline(__always)
  init(_ base: UnsafeRawPointer, count: Int) {
    position = base
    end = base + count
  }

  @inline(__always)
  var remaining: Int { end - position }

  @inline(__always)
  var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: position, count: remaining) }

  /// The next byte, nil at the end.
  @inline(__always)
  mutating func byte() -> UInt8? {
    guard position < end else { return nil }
    defer { position += 1 }
    return position.load(as: UInt8.self)
  }

  @inline(__always)
  mutating func varint() -> UInt64? {
    let (value, used) = Varint.read(position, limit: remaining)
    position += used
    return used > 0 ? value : nil
  }

  /// The bytes behind a length, which takes five bytes at most.
  @inline(__always)
  mutating func content() -> UnsafeRawBufferPointer? {
    let (length, used) = Varint.read(position, limit: min(remaining, 5))
    guard used > 0 else { return nil }
    position += used
    guard length <= UInt64(remaining) else { return nil }
    defer { position += Int(length) }
    return UnsafeRawBufferPointer(start: position, count: Int(length))
  }

  /// The bytes behind a length that is written in as few bytes as it can be.
  @inline(__always)
  mutating func canonicalContent() -> UnsafeRawBufferPointer? {
    let start = position
    guard let content = content(), let base = content.baseAddress else { return nil }
    return base - start == Varint.size(UInt64(content.count)) ? content : nil
  }

  @inline(__always)
  mutating func fixed32() -> UInt32? {
    guard remaining >= 4 else { return nil }
    defer { position += 4 }
    return UInt32(littleEndian: position.loadUnaligned(as: UInt32.self))
  }

  @inline(__always)
  mutating func fixed64() -> UInt64? {
    guard remaining >= 8 else { return nil }
    defer { position += 8 }
    return UInt64(littleEndian: position.loadUnaligned(as: UInt64.self))
  }

  /// Whether there were `count` bytes to pass over.
  @inline(__always) @discardableResult
  mutating func skip(_ count: Int) -> Bool {
    guard count <= remaining else { return false }
    position += count
    return true
  }

  /// Passes over a field with a one-byte tag. False for what only the full decoder judges:
  /// groups, number 0, invalid wire types, longer tags.
  @inline(__always)
  mutating func skipField(_ tag: UInt8) -> Bool {
    guard tag >= 8, tag < 0x80 else { return false }
    switch tag & 7 {
    case 0: return varint() != nil
    case 1: return skip(8)
    case 2: return content() != nil
    case 5: return skip(4)
    default: return false
    }
  }
}

extension UnsafeRawBufferPointer {
  /// Whether no byte has its top bit set.
  var isASCII: Bool {
    var seen: UInt8 = 0
    for byte in self { seen |= byte }
    return seen < 0x80
  }
}
