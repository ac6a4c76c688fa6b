import Protobuf
import Testing

/// libprotobuf-c is the second implementation: every message, both ways.
@Suite struct OracleTests {
  @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
  func `every message means the same to libprotobuf-c, and has the same bytes`(seed: UInt64) throws
  {
    var wire = RandomWire(
      descriptors: try DescriptorSet.load(), style: .canonical, random: SeededGenerator(seed: seed))
    for type in codecMessages {
      for round in 0..<60 {
        try compare(type, wire.message(type.descriptorName), "seed \(seed) round \(round)")
      }
    }
  }

  private func compare(
    _ type: any ProtobufMessage.Type, _ bytes: [UInt8], _ place: String
  ) throws {
    let name = type.descriptorName
    let place: Comment = "\(place) \(name) \(hex(bytes).prefix(400))"

    let ours = try type.init(serialized: bytes)
    let theirs = try #require(try CMessage(name, bytes), place)
    let meaning = lines(of: ours)
    #expect(meaning == theirs.lines(), place)

    let written = ours.serialized()
    #expect(written == theirs.packed(), place)
    #expect(written == bytes, place)

    let theirReading = try #require(try CMessage(name, written), place)
    #expect(theirReading.lines() == meaning, place)
    #expect(lines(of: try type.init(serialized: theirs.packed())) == meaning, place)
  }

  @Test(arguments: [11, 12, 13] as [UInt64])
  func `fields in any order, twice, packed or not, are read as libprotobuf-c reads them`(
    seed: UInt64
  ) throws {
    var wire = RandomWire(
      descriptors: try DescriptorSet.load(), style: .messy, random: SeededGenerator(seed: seed))
    // It loses fields when it merges two proto3 messages.
    wire.mergesMessages = false
    var compared = 0
    for type in codecMessages {
      for round in 0..<60 {
        let bytes = wire.message(type.descriptorName)
        // It does not know groups, and refuses some of what protobuf allows.
        guard let theirs = try CMessage(type.descriptorName, bytes) else { continue }
        let expected = theirs.lines()
        // It keeps every entry of a map, and unknown fields.
        if expected.contains(where: { $0.contains("?=") || $0.contains("metadata[") }) { continue }
        if expected.contains(where: { $0.contains("map_value[") || $0.contains("limits[") }) {
          continue
        }
        compared += 1
        let ours = try type.init(serialized: bytes)
        #expect(
          lines(of: ours) == expected,
          "seed \(seed) round \(round) \(type.descriptorName) \(hex(bytes).prefix(400))")
      }
    }
    #expect(compared > 500, "seed \(seed): only \(compared) messages were compared")
  }
}
