// Fixed-width little-endian fields at any alignment.

extension UnsafeRawPointer {
  @inline(__always)
  func little16(_ position: Int) -> UInt16 {
    UInt16(littleEndian: loadUnaligned(fromByteOffset: position, as: UInt16.self))
  }

  @inline(__always)
  func little32(_ position: Int) -> UInt32 {
    UInt32(littleEndian: loadUnaligned(fromByteOffset: position, as: UInt32.self))
  }

  @inline(__always)
  func little64(_ position: Int) -> UInt64 {
    UInt64(littleEndian: loadUnaligned(fromByteOffset: position, as: UInt64.self))
  }
}

extension UnsafeMutableRawPointer {
  @inline(__always)
  func store16(_ value: UInt16, _ position: Int) {
    storeBytes(of: value.littleEndian, toByteOffset: position, as: UInt16.self)
  }

  @inline(__always)
  func store32(_ value: UInt32, _ position: Int) {
    storeBytes(of: value.littleEndian, toByteOffset: position, as: UInt32.self)
  }

  @inline(__always)
  func store64(_ value: UInt64, _ position: Int) {
    storeBytes(of: value.littleEndian, toByteOffset: position, as: UInt64.self)
  }
}

/// Builds a small fixed record field by field; for headers of files, not for the hot path.
package struct LittleEndianWriter {
  package var bytes: [UInt8] = []

  package init() {}

  package mutating func add<Number: FixedWidthInteger>(_ number: Number) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  package mutating func add(_ id: UniqueID) {
    // As a UUID is written: most significant byte first.
    withUnsafeBytes(of: id.high.bigEndian) { bytes.append(contentsOf: $0) }
    withUnsafeBytes(of: id.low.bigEndian) { bytes.append(contentsOf: $0) }
  }
}

/// Reads what `LittleEndianWriter` wrote. The caller knows that there are enough bytes.
package struct LittleEndianReader {
  private var rest: ArraySlice<UInt8>

  package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  package mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self)
    -> Number
  {
    var value: Number = 0
    withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: rest.prefix($0.count)) }
    rest = rest.dropFirst(MemoryLayout<Number>.size)
    return Number(littleEndian: value)
  }

  package mutating func id() -> UniqueID {
    let high: UInt64 = number()
    let low: UInt64 = number()
    return UniqueID(high: high.byteSwapped, low: low.byteSwapped)
  }
}
