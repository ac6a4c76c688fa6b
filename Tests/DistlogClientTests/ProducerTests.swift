import TestSupport
import Testing

@testable import DistlogClient

extension RealServerTests {
  @Suite struct ProducerTests {
    @Test(arguments: [(tasks: 12, each: 3, bytes: 1 << 20), (30_000, 1, 0), (40, 40, 40_000)])
    func `many tasks share a producer, and no batch is larger than a server takes`(
      tasks: Int, each: Int, bytes: Int
    ) async throws {
      let server = try await RealServer()
      let client = try server.client()
      var options = ProducerOptions()
      options.maxInFlight = 1  // most tasks add a record while a batch waits for its turn
      let producer = try await client.producer(options)
      let record = ClientRecord(value: [UInt8](repeating: 7, count: bytes))
      try await withThrowingTaskGroup { group in
        for _ in 0..<tasks {
          group.addTask { for _ in 0..<each { try await producer.send(record) } }
        }
        try await group.waitForAll()
      }
      try await producer.finish()
      let log = try await client.describeLog()
      #expect(log.offsets == 0..<UInt64(tasks * each))
      await client.close()
    }

    @Test func `tasks that share a producer each keep their order, and get their offsets`()
      async throws
    {
      let server = try await RealServer()
      let client = try server.client()
      var options = ProducerOptions()
      options.maxInFlight = 2
      options.batchBytes = 300
      let producer = try await client.producer(options)
      let sent = try await withThrowingTaskGroup(of: [(UInt64, String)].self) { group in
        for task in 0..<8 {
          group.addTask {
            var receipts: [(Receipt, String)] = []
            for number in 0..<200 {
              let text = "\(task) \(number)"
              receipts.append((try await producer.send(ClientRecord(text)), text))
            }
            try await producer.flush()
            var offsets: [(UInt64, String)] = []
            for (receipt, text) in receipts { offsets.append((try await receipt.offset(), text)) }
            return offsets
          }
        }
        var all: [UInt64: String] = [:]
        for try await offsets in group {
          #expect(offsets.map(\.0) == offsets.map(\.0).sorted())
          all.merge(offsets) { first, _ in first }
        }
        return all
      }
      try await producer.finish()
      var reading = ConsumeOptions()
      reading.stop = .end
      var read: [UInt64: String] = [:]
      for try await record in client.consume(reading) {
        read[record.offset] = String(decoding: record.value, as: UTF8.self)
      }
      #expect(read.count == 1600)
      #expect(read == sent)
      await client.close()
    }

    @Test func `after a failure every record that was gathered has its error`() async throws {
      let server = try await RealServer()
      let client = try server.client()
      var options = ProducerOptions()
      options.linger = .seconds(600)
      let producer = try await client.producer(options)
      let gathered = try await producer.send(ClientRecord("one"))
      server.process.kill()
      // Found out by the producer at the latest when it has sent something.
      await #expect(throws: DistlogError.self) {
        try await producer.flush()
        try await producer.finish()
      }
      await #expect(throws: DistlogError.self) { try await gathered.offset() }
      await #expect(throws: DistlogError.self) { try await producer.send(ClientRecord("two")) }
      await client.close()
    }
  }
}
