import Protobuf
import Testing

@Suite struct VarintTests {
  /// A value on both sides of each length.
  private static let borders: [(value: UInt64, size: Int)] =
    [(0, 1), (.max, 10)]
    + (1...9).flatMap { size -> [(UInt64, Int)] in
      let border = UInt64(1) << UInt64(7 * size)
      return [(border - 1, size), (border, size + 1)]
    }

  @Test func `every length is written in its fewest bytes and read back`() {
    for (value, size) in Self.borders {
      var bytes = [UInt8](repeating: 0xEE, count: Varint.maxSize)
      let written = bytes.withUnsafeMutableBytes { raw in
        raw.baseAddress.map { Varint.write(value, to: $0) } ?? 0
      }
      #expect(written == size)
      #expect(Varint.size(value) == size)
      #expect(read(bytes) == .init(value: value, used: size))
      for limit in 0..<size {
        #expect(read(Array(bytes.prefix(limit))).used == 0, "\(value) cut at \(limit)")
      }
    }
  }

  @Test func `padding is read, an eleventh byte is not`() {
    #expect(read([0x81, 0x80, 0x00]) == .init(value: 1, used: 3))
    let ten = [UInt8](repeating: 0x80, count: 9)
    #expect(read(ten + [0x00]) == .init(value: 0, used: 10))
    #expect(read(ten + [0x01]) == .init(value: 1 << 63, used: 10))
    #expect(read(ten + [0x7F]) == .init(value: 1 << 63, used: 10))
    #expect(read(ten + [0x80, 0x00]).used == 0)
  }

  @Test func `zigzag takes small magnitudes of both signs to small numbers`() {
    #expect([0, -1, 1, -2, 2].map(Varint.zigZag) == [0, 1, 2, 3, 4])
    for value in [0, 1, -1, .max, .min, 1 << 40] as [Int64] {
      #expect(Varint.unZigZag(Varint.zigZag(value)) == value)
    }
  }

  private struct Result: Equatable {
    var value: UInt64
    var used: Int
  }

  private func read(_ bytes: [UInt8]) -> Result {
    bytes.withUnsafeBytes { raw in
      guard let base = raw.baseAddress else { return Result(value: 0, used: 0) }
      var value: UInt64 = 0
      let used = Varint.read(base, limit: raw.count, value: &value)
      let pair = Varint.read(base, limit: raw.count)
      #expect(pair.used == used)
      #expect(used == 0 || pair.value == value)
      return Result(value: used == 0 ? 0 : value, used: used)
    }
  }
}
