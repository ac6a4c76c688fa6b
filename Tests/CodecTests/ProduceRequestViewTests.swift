import LogAPI
import Protobuf
import Testing

/// The view agrees with the message's own decoder on everything.
@Suite struct ProduceRequestViewTests {
  /// A request as the view tells it, for comparison.
  private struct Told: Equatable {
    var record: [String]?
    var records: [[String]]
    var log: String
    var inlineFailures: Bool
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `the view tells what the decoder tells, of random and of damaged requests`(
    seed: UInt64
  ) throws {
    var random = SeededGenerator(seed: seed)
    let descriptors = try DescriptorSet.load()
    var accepted = 0
    for round in 0..<1500 {
      var wire = RandomWire(
        descriptors: descriptors, style: round % 2 == 0 ? .canonical : .messy, random: random)
      var bytes = wire.message("log.v1.ProduceRequest")
      random = wire.random
      if round % 3 == 0, !bytes.isEmpty {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
          in: .min ... .max, using: &random)
      }
      if round % 5 == 0 {
        bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
      }
      if try compare(bytes, "seed \(seed) round \(round)") { accepted += 1 }
    }
    print("seed \(seed): 1500 requests, \(accepted) of them accepted")
  }

  @Test func `the view judges the whole table of malformed inputs as the decoder does`() throws {
    for (index, input) in MalformedTable.inputs().enumerated() {
      _ = try compare(input.bytes, "input \(index)")
      _ = try compare([0x0A] + varint(UInt64(input.bytes.count)) + input.bytes, "record \(index)")
      _ = try compare([0x4A] + varint(UInt64(input.bytes.count)) + input.bytes, "records \(index)")
      let header = [0x52] + varint(UInt64(input.bytes.count)) + input.bytes
      _ = try compare([0x0A] + varint(UInt64(header.count)) + header, "header \(index)")
    }
  }

  @Test func `stored header bytes are in the codec's own form, however the client wrote them`()
    throws
  {
    // The value before the name, a padded length, an unknown field: none of it may be stored.
    let odd: [[UInt8]] = [
      [0x12, 1, 66, 0x0A, 1, 65], [0x0A, 0x81, 0x00, 65, 0x12, 1, 66],
      [0x0A, 1, 65, 0x12, 1, 66, 0x18, 7], [0x0A, 1, 67, 0x0A, 1, 65, 0x12, 1, 66],
    ]
    for header in odd {
      let record = [0x52, UInt8(header.count)] + header
      let bytes = [0x0A, UInt8(record.count)] + record
      let reader = ProduceRequestReader(maxRecords: 10)
      try bytes.withUnsafeBytes { raw in
        let view = try reader.read(raw)
        let stored = withExtendedLifetime(reader) { Array(view.record.headers) }
        #expect(stored == [0x52, 6, 0x0A, 1, 65, 0x12, 1, 66])
      }
    }
  }

  @Test func `a batch beyond the limit in an unusual shape is counted, not decoded`() throws {
    // The unknown group sends the request to the decoder.
    let group: [UInt8] = [0xA3, 0x06, 0xA4, 0x06]
    let bytes = group + [[UInt8]](repeating: [0x4A, 0], count: 11).joined()
    try bytes.withUnsafeBytes { raw in
      let ten = ProduceRequestReader(maxRecords: 10)
      let over = try ten.read(raw)
      #expect(over.recordCount == 11)
      #expect(Array(over.records.map(\.type)).isEmpty)
      let eleven = ProduceRequestReader(maxRecords: 11)
      let within = try eleven.read(raw)
      #expect(Array(within.records.map(\.type)).count == 11)
      withExtendedLifetime((ten, eleven)) {}
    }
  }

  /// Whether both accept; an issue when they differ in anything.
  private func compare(_ bytes: [UInt8], _ place: String) throws -> Bool {
    let request = try? ProduceRequest(serialized: bytes)
    let reader = ProduceRequestReader(maxRecords: .max)
    let view = withExtendedLifetime(reader) {
      bytes.withUnsafeBytes { raw in (try? reader.read(raw)).map(told) }
    }
    #expect(view == request.map(told), "\(place) \(hex(bytes).prefix(400))")
    return request != nil
  }

  private func told(_ request: ProduceRequest) -> Told {
    func told(_ record: Record) -> [String] {
      [
        hex(record.value), hex(record.key), "\(record.type)", "\(record.timestampUnixNano)",
        "\(record.crc32c)", "\(record.headers.count)",
      ]
        + record.headers.flatMap {
          [hex(Array($0.name.utf8)), hex($0.value), hex($0.serialized())]
        }
    }
    return Told(
      record: request.record.map(told), records: request.records.map(told), log: request.log,
      inlineFailures: request.inlineFailures)
  }

  private func told(_ view: ProduceRequestView) -> Told {
    func told(_ record: RecordView) -> [String] {
      var stored = record.headers[...]
      return [
        hex(Array(record.value)), hex(Array(record.key)), "\(record.type)", "\(record.timestamp)",
        "\(record.crc32c)", "\(record.headerCount)",
      ]
        + record.headerViews.flatMap { header -> [String] in
          var content = Header()
          content.name = String(decoding: header.name, as: UTF8.self)
          content.value = Array(header.value)
          var writer = WireWriter()
          writer.message(10, content)
          let form = writer.bytes()
          let isStored = stored.starts(with: form)
          stored = stored.dropFirst(form.count)
          return [
            hex(Array(header.name)), hex(Array(header.value)),
            isStored ? hex(content.serialized()) : "stored in another form",
          ]
        }
    }
    let records = view.records.map(told)
    return Told(
      record: view.hasRecord ? told(view.record) : nil, records: records,
      log: String(decoding: view.log, as: UTF8.self), inlineFailures: view.inlineFailures)
  }
}
