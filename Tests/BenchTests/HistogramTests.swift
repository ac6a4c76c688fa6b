import Testing

@testable import distlog_bench

struct HistogramTests {
  @Test func `quantiles are right to a 32nd of their value`() {
    var histogram = Histogram()
    for value in 1...100_000 { histogram.record(UInt64(value)) }
    for share in [0.01, 0.5, 0.9, 0.99, 0.999] {
      let wanted = share * 100_000
      let found = Double(histogram.quantile(share))
      #expect(found >= wanted && found <= wanted * (1 + 1 / 32.0) + 1, "\(share): \(found)")
    }
    #expect(histogram.maximum == 100_000)
    #expect(histogram.mean == 50_000.5)
  }

  @Test func `small and very large values have their place`() {
    var histogram = Histogram()
    histogram.record(0)
    histogram.record(.max)
    #expect(histogram.quantile(0.5) == 0)
    #expect(histogram.quantile(1) >= 1 << 39)
    #expect(histogram.count == 2)
  }

  @Test func `an empty histogram says zero`() {
    #expect(Histogram().quantile(0.99) == 0)
    #expect(Histogram().mean == 0)
  }
}

struct VerificationTests {
  @Test func `pair sums tell apart what counts and single sums do not`() {
    var sent = PairSum()
    sent.add(offset: 1, number: 10)
    sent.add(offset: 2, number: 11)
    var swapped = PairSum()
    swapped.add(offset: 1, number: 11)
    swapped.add(offset: 2, number: 10)
    var reordered = PairSum()
    reordered.add(offset: 2, number: 11)
    reordered.add(offset: 1, number: 10)
    #expect(sent != swapped)
    #expect(sent == reordered)
  }

  @Test func `a value that was changed anywhere is noticed`() {
    let bytes = RecordBytes(valueBytes: 128)
    var request = [UInt8](repeating: 0, count: bytes.requestBytes)
    let count = request.withUnsafeMutableBytes { bytes.writeRequest(first: 77, to: $0) }
    #expect(count == bytes.requestBytes)
    func number(_ request: [UInt8]) -> UInt64? {
      request.withUnsafeBytes {
        bytes.number(in: UnsafeRawBufferPointer(rebasing: $0.suffix(128)))
      }
    }
    #expect(number(request) == 77)
    for position in (request.count - 120)..<request.count {
      var changed = request
      changed[position] ^= 1
      #expect(number(changed) == nil)
    }
  }
}
