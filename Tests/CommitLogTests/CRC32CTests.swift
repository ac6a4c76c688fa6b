import CommitLog
import Testing

@Suite struct CRC32CTests {
  /// RFC 3720 appendix B.4, and the check value of the CRC catalogue.
  static let vectors: [([UInt8], UInt32)] = [
    ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
    ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
    ((0..<32).map { UInt8($0) }, 0x46DD_794E),
    ((0..<32).map { UInt8(31 - $0) }, 0x113F_DB5C),
    (Array("123456789".utf8), 0xE306_9283),
    ([], 0),
  ]

  @Test func `both ways give the sums of RFC 3720`() {
    for (bytes, sum) in CRC32CTests.vectors {
      #expect(CRC32C.checksum(bytes) == sum)
      #expect(bytes.withUnsafeBytes { CRC32C.portableChecksum($0) } == sum)
    }
  }

  @Test func `instructions and tables agree on random bytes of any length and alignment`() {
    var random = SeededRandom(seed: 7)
    let bytes = (0..<40_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    bytes.withUnsafeBytes { all in
      for _ in 0..<300 {
        let start = random.below(64)
        let count = random.below(2) == 0 ? random.below(300) : random.below(39_000)
        let part = UnsafeRawBufferPointer(rebasing: all[start..<start + count])
        #expect(CRC32C.checksum(part) == CRC32C.portableChecksum(part))
        let cut = random.below(count + 1)
        let first = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: part[..<cut]))
        let both = CRC32C.checksum(
          UnsafeRawBufferPointer(rebasing: part[cut...]), continuing: first)
        #expect(both == CRC32C.portableChecksum(part))
      }
    }
  }
}
