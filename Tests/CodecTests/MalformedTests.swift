import GRPCWire
import LogAPI
import Protobuf
import Testing

/// Python's protobuf is the judge: what it refuses we refuse, what it accepts we read the same.
@Suite struct MalformedTests {
  @Test func `a table of malformed and odd inputs is judged as Python judges it`() throws {
    let inputs = MalformedTable.inputs()
    #expect(inputs.count >= 300)
    try compare(inputs)
  }

  @Test(arguments: [1, 2, 3, 0x5EED] as [UInt64])
  func `damaged random messages are judged as Python judges them`(seed: UInt64) throws {
    var wire = RandomWire(
      descriptors: try DescriptorSet.load(), style: .messy, random: SeededGenerator(seed: seed))
    var random = SeededGenerator(seed: seed &+ 1)
    var inputs: [Python.Input] = []
    for type in codecMessages {
      for _ in 0..<40 {
        let bytes = wire.message(type.descriptorName)
        inputs.append(Python.Input(message: type.descriptorName, bytes: bytes))
        let damaged = damage(bytes, &random)
        inputs.append(Python.Input(message: type.descriptorName, bytes: damaged))
      }
    }
    try compare(inputs, seed: seed)
  }

  private func compare(_ inputs: [Python.Input], seed: UInt64 = 0) throws {
    let verdicts = try Python.judge(inputs)
    var accepted = 0
    for (input, expected) in zip(inputs, verdicts) {
      let found = try reencoded(input)
      if expected != nil { accepted += 1 }
      if !isSame(found, expected), !isKnownDifference(input, found, expected) {
        Issue.record(
          """
          seed \(seed) \(input.message) \(hex(input.bytes).prefix(400)): \
          Python \(expected.map(hex) ?? "refuses"), we \(found.map(hex) ?? "refuse")
          """)
      }
    }
    print("seed \(seed): \(inputs.count) inputs, \(accepted) of them accepted")
  }

  /// Whether two encodings hold the same. Python writes the entries of a map in another order than
  /// that of the keys' bytes, so the order counts for nothing here; nothing else may differ.
  private func isSame(_ found: [UInt8]?, _ expected: [UInt8]?) -> Bool {
    found == expected || found?.sorted() == expected?.sorted()
  }

  /// Python lets field number 0 pass inside a group that it skips, and in a message that has no fields, of which it keeps
  /// the bytes as they are. The specification knows no such field, and C++ refuses it as we do.
  private func isKnownDifference(
    _ input: Python.Input, _ found: [UInt8]?, _ expected: [UInt8]?
  ) -> Bool {
    guard found == nil, expected != nil, let type = codecMessagesByName[input.message],
      type.fields.isEmpty || input.bytes.contains(where: { $0 & 7 == 3 })
    else { return false }
    do throws(ProtobufError) {
      _ = try type.init(serialized: input.bytes)
      return false
    } catch {
      return error == .invalidTag
    }
  }

  private func reencoded(_ input: Python.Input) throws -> [UInt8]? {
    let type = try #require(codecMessagesByName[input.message])
    do { return try type.init(serialized: input.bytes).serialized() } catch { return nil }
  }

  /// Cuts, flips, inserts or repeats somewhere.
  private func damage(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    guard !bytes.isEmpty else { return random.bytes(3) }
    var damaged = bytes
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let place = Int.random(in: 0..<damaged.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: damaged.removeSubrange(place...)
      case 1: damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: damaged.insert(contentsOf: random.bytes(1), at: place)
      case 3: damaged.remove(at: place)
      default: damaged[place] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
      }
      if damaged.isEmpty { break }
    }
    return damaged
  }
}
