internal import Protobuf

/// Walks the fields of a message in place; for the load generator's own reading of answers.
struct MessageFields {
  private var position: UnsafeRawPointer
  private var left: Int
  private(set) var isMalformed = false
  /// Of the field that `next` gave: a varint's value, or a length.
  private(set) var value: UInt64 = 0
  private(set) var bytes = UnsafeRawBufferPointer(start: nil, count: 0)

  @inline(__always)
  init?(_ message: UnsafeRawBufferPointer) {
    guard let base = message.baseAddress else { return nil }
    position = base
    left = message.count
  }

  /// The next field's tag (number << 3 | wire type), 0 at the end.
  @inline(__always)
  mutating func next() -> UInt64 {
    guard left > 0 else { return 0 }
    var tag: UInt64 = 0
    guard take(Varint.read(position, limit: left, value: &tag)) else { return 0 }
    switch tag & 7 {
    case 0:
      guard take(Varint.read(position, limit: left, value: &value)) else { return 0 }
    case 1:
      guard take(left >= 8 ? 8 : 0) else { return 0 }
    case 2:
      guard take(Varint.read(position, limit: left, value: &value)) else { return 0 }
      guard value <= UInt64(left) else { return fail() }
      bytes = UnsafeRawBufferPointer(start: position, count: Int(value))
      position += Int(value)
      left -= Int(value)
    case 5:
      guard take(left >= 4 ? 4 : 0) else { return 0 }
    default: return fail()
    }
    return tag
  }

  @inline(__always)
  private mutating func take(_ used: Int) -> Bool {
    guard used > 0 else {
      isMalformed = true
      left = 0
      return false
    }
    position += used
    left -= used
    return true
  }

  private mutating func fail() -> UInt64 {
    isMalformed = true
    left = 0
    return 0
  }
}
