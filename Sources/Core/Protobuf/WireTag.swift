/// What begins a field: its wire type, and its number.
///
/// A message switches over the tags it knows; a known number with another wire type is then an
/// unknown field, as protobuf says.
@usableFromInline package enum WireTag: Equatable, Sendable {
  case varint(UInt32)
  case fixed64(UInt32)
  /// Strings, bytes, messages and packed numbers.
  case length(UInt32)
  case startGroup(UInt32)
  case endGroup(UInt32)
  case fixed32(UInt32)

  /// The largest field number.
  package static let maxNumber: UInt32 = 1 << 29 - 1

  /// The tag that this integer stands for; nil for number 0, wire types 6 and 7, and anything
  /// above 32 bits.
  @inlinable
  init?(encoded: UInt64) {
    guard encoded <= UInt64(UInt32.max), encoded >= 8 else { return nil }
    let number = UInt32(truncatingIfNeeded: encoded >> 3)
    switch encoded & 7 {
    case 0: self = .varint(number)
    case 1: self = .fixed64(number)
    case 2: self = .length(number)
    case 3: self = .startGroup(number)
    case 4: self = .endGroup(number)
    case 5: self = .fixed32(number)
    default: return nil
    }
  }
}
