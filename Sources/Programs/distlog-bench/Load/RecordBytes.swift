internal import Glibc
internal import Protobuf

/// The bytes of records and requests as the load generator writes and checks them, without a
/// message object. A value is the record's number (8 bytes) and then the row's filler.
struct RecordBytes {
  let valueBytes: Int
  let recordsPerRequest: Int
  private let template: [UInt8]
  /// Where in `template` the numbers of the records go.
  private let numberPositions: [Int]

  init(valueBytes: Int, recordsPerRequest: Int = 1) {
    precondition(valueBytes >= 8 && recordsPerRequest >= 1)
    self.valueBytes = valueBytes
    self.recordsPerRequest = recordsPerRequest
    // ProduceRequest.record = 1, .records = 9; Record.value = 1: all length-delimited.
    let tag: UInt8 = recordsPerRequest == 1 ? 0x0A : 0x4A
    var bytes: [UInt8] = []
    var positions: [Int] = []
    for _ in 0..<recordsPerRequest {
      bytes.append(tag)
      Self.append(UInt64(1 + Varint.size(UInt64(valueBytes)) + valueBytes), to: &bytes)
      bytes.append(0x0A)
      Self.append(UInt64(valueBytes), to: &bytes)
      positions.append(bytes.count)
      bytes.append(contentsOf: repeatElement(0, count: 8))
      bytes.append(contentsOf: (8..<valueBytes).map(Self.filler))
    }
    template = bytes
    numberPositions = positions
  }

  var requestBytes: Int { template.count }

  /// Writes one request of records `first`, `first + 1` ... at `target`, and gives its size.
  @inline(__always)
  func writeRequest(first: UInt64, to target: UnsafeMutableRawBufferPointer) -> Int {
    guard let base = target.baseAddress else { return 0 }
    template.withUnsafeBytes { target.copyMemory(from: $0) }
    if recordsPerRequest == 1 {
      base.storeBytes(of: first, toByteOffset: requestBytes - valueBytes, as: UInt64.self)
      return requestBytes
    }
    var number = first
    for position in numberPositions {
      base.storeBytes(of: number, toByteOffset: position, as: UInt64.self)
      number += 1
    }
    return requestBytes
  }

  /// The number in a stored value, or nil when it is not a value that this wrote.
  @inline(__always)
  func number(in value: UnsafeRawBufferPointer) -> UInt64? {
    guard value.count == valueBytes, let base = value.baseAddress else { return nil }
    let isIntact = template.withUnsafeBytes { bytes in
      guard let end = bytes.baseAddress?.advanced(by: bytes.count) else { return false }
      return memcmp(base + 8, end - (valueBytes - 8), valueBytes - 8) == 0
    }
    return isIntact ? value.loadUnaligned(as: UInt64.self) : nil
  }

  private static func filler(_ position: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: (position &* 0x9E37_79B1) >> 11)
  }

  private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// A sum over (offset, record number) pairs in any order: equal sums of what was acknowledged and
/// of what is read back say that each record lies at the offset its acknowledgement named.
struct PairSum: Equatable {
  private(set) var count: UInt64 = 0
  private var sum: UInt64 = 0

  @inline(__always)
  mutating func add(offset: UInt64, number: UInt64) {
    count &+= 1
    // The finalizer of SplitMix64: every input bit reaches every output bit.
    var mixed = offset &* 0x9E37_79B9_7F4A_7C15 &+ number
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    sum &+= mixed ^ (mixed >> 31)
  }

  mutating func add(_ other: PairSum) {
    count &+= other.count
    sum &+= other.sum
  }
}
