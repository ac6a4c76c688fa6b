import DistlogClient
import Testing

@testable import ClientProgram

/// Splits `input`, fed in pieces of the sizes that `pieces` gives, and collects the records.
private func split(
  _ input: [UInt8], _ framing: Framing, limit: Int = 1 << 20, pieces: () -> Int
) throws -> [[UInt8]] {
  var splitter = RecordSplitter(framing, limit: limit, chunk: 16)
  var records: [[UInt8]] = []
  var position = 0
  var isOver = false
  while true {
    while let record = try splitter.next() { records.append([UInt8](record)) }
    if isOver { return records }
    let count = min(max(1, pieces()), 16, input.count - position)
    let space = splitter.space()
    for index in 0..<count { space[index] = input[position + index] }
    splitter.filled(count)
    position += count
    if position == input.count {
      splitter.inputEnded()
      isOver = true
    }
  }
}

private func join(_ records: [[UInt8]], _ framing: Framing) throws -> [UInt8] {
  let batch = ProduceBatch(log: "")
  for record in records { batch.append(Record(value: record)) }
  var output = OutputBuffer()
  try SampleBatch.consumed(records).forEach { view throws(DistlogError) in
    try RecordWriter.framing(framing).write(view, to: &output)
    return true
  }
  return output.withUnsafeBytes { [UInt8]($0) }
}

struct FramingTests {
  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
  func `length framing carries any bytes unchanged`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<50 {
      let records = (0..<Int.random(in: 0...20, using: &random)).map { _ in
        (0..<Int.random(in: 0...90, using: &random)).map { _ in
          UInt8.random(in: 0...255, using: &random)
        }
      }
      let bytes = try join(records, .length)
      let back = try split(bytes, .length) { Int.random(in: 1...16, using: &random) }
      #expect(back == records, "seed \(seed)")
      #expect(try join(back, .length) == bytes, "seed \(seed)")
    }
  }

  @Test(arguments: [Framing.lines, .nul], [11, 12, 13, 14] as [UInt64])
  func `text that ends with its terminator comes back byte for byte`(
    framing: Framing, seed: UInt64
  ) throws {
    var random = SeededGenerator(seed: seed)
    let terminator: UInt8 = framing == .lines ? 0x0A : 0
    for _ in 0..<50 {
      var text = (0..<Int.random(in: 0...200, using: &random)).map { _ in
        UInt8.random(in: 0...2, using: &random) == 0
          ? terminator : UInt8.random(in: 0...255, using: &random)
      }
      text.append(terminator)
      let records = try split(text, framing) { Int.random(in: 1...16, using: &random) }
      #expect(records.count == text.filter { $0 == terminator }.count, "seed \(seed)")
      #expect(try join(records, framing) == text, "seed \(seed)")
    }
  }

  @Test func `empty lines are records and the last line may lack its newline`() throws {
    let records = try split(Array("a\n\n\nb".utf8), .lines) { 1 }
    #expect(records == [Array("a".utf8), [], [], Array("b".utf8)])
    #expect(try split([], .lines) { 1 }.isEmpty)
    #expect(try split([0x0A], .lines) { 1 } == [[]])
  }

  @Test func `the whole input is one record, be it empty or not`() throws {
    #expect(try split(Array("a\nb\n".utf8), .whole) { 3 } == [Array("a\nb\n".utf8)])
    #expect(try split([], .whole) { 1 } == [[]])
  }

  @Test func `a line over the limit names its number before it is read to its end`() throws {
    let input = Array("one\ntwo\n".utf8) + [UInt8](repeating: 0x78, count: 200)
    #expect(throws: SplitError.self) { try split(input, .lines, limit: 50) { 16 } }
    do {
      _ = try split(input, .lines, limit: 50) { 16 }
    } catch SplitError.tooLong(let number, let size, let limit) {
      #expect(number == 3)
      #expect(size > 50 && size < 80)
      #expect(limit == 50)
    }
  }

  @Test func `a length that promises more than there is is an error with its number`() {
    #expect(throws: SplitError.truncated(number: 2, missing: 2)) {
      try split([0, 0, 0, 1, 9, 0, 0, 0, 5, 1, 2, 3], .length) { 2 }
    }
    #expect(throws: SplitError.truncated(number: 1, missing: 1)) {
      try split([0, 0, 0], .length) { 2 }
    }
    #expect(throws: SplitError.tooLong(number: 1, size: 0xFFFF_FFFF, limit: 1 << 20)) {
      try split([0xFF, 0xFF, 0xFF, 0xFF], .length) { 4 }
    }
  }
}

/// Consumed records as a server sends them.
enum SampleBatch {
  static func consumed(_ values: [[UInt8]]) throws -> RecordBatch {
    try consumed(values.map { Record(value: $0) })
  }

  /// Field 9 of a ProduceRequest and field 8 of a ConsumeResponse hold the same message.
  static func consumed(_ records: [Record]) throws -> RecordBatch {
    var message: [UInt8] = []
    for record in records {
      let batch = ProduceBatch(log: "")
      batch.append(record)
      var request = batch.withUnsafeBytes { [UInt8]($0) }
      request[0] = 8 << 3 | 2
      message += request
    }
    return try message.withUnsafeBytes { try RecordBatch(copying: $0) }
  }
}

/// SplitMix64: the same numbers for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
