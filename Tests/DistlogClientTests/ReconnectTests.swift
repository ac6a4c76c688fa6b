import LogAPI
import TestSupport
import Testing

@testable import DistlogClient

extension RealServerTests {
  @Suite struct ReconnectTests {
    @Test(arguments: [
      (ConsumeOptions.Start.next, UInt64(5)), (.latest, 4), (.tail(3), 2),
      (.time(4_000_000_000_000_000_000), 5),  // in a hundred years
    ])
    func `a follower that got nothing yet misses nothing when the server is killed`(
      start: ConsumeOptions.Start, first: UInt64
    ) async throws {
      let server = try await RealServer()
      let writer = try server.client()
      try await writer.produce((0..<5).map { ClientRecord("before \($0)") })
      let reader = try server.client()
      var options = ConsumeOptions()
      options.start = start
      // Like a follower's read, but it ends also when it missed something.
      options.stop = .offset(9)
      let session = reader.session(options)
      try await session.begin()
      try await server.killAndRestart()
      try await writer.produce((5..<9).map { ClientRecord("while away \($0)") })
      var offsets: [UInt64] = []
      while let batch = try await session.next() {
        offsets += try batch.records().map(\.offset)
      }
      #expect(offsets == Array(first...8))
      await reader.close()
      await writer.close()
    }

    @Test func `a read to the end reads to the end as it was at its call`() async throws {
      let server = try await RealServer()
      let client = try server.client()
      try await client.produce((0..<5).map { ClientRecord("\($0)") })
      var options = ConsumeOptions()
      options.start = .tail(2)
      options.stop = .end
      let session = client.session(options)
      try await session.begin()
      try await server.killAndRestart()
      try await client.produce([ClientRecord("later")])
      var offsets: [UInt64] = []
      while let batch = try await session.next() { offsets += try batch.records().map(\.offset) }
      #expect(offsets == [3, 4])
      await client.close()
    }

    @Test func `heartbeats move the place where a filtered read goes on`() async throws {
      let server = try await RealServer()
      let writer = try server.client()
      try await writer.produce((0..<7).map { ClientRecord("\($0)", key: "other") })
      let reader = try server.client(timeout: .milliseconds(900))  // a heartbeat every 300 ms
      var options = ConsumeOptions()
      options.key = Array("wanted".utf8)
      options.start = .offset(1)
      let session = reader.session(options)
      try await session.begin()
      let limit = ContinuousClock.now + .seconds(10)
      while session.start != .offset(7), .now < limit {
        try await Task.sleep(for: .milliseconds(5))
      }
      let (starts, told) = AsyncStream.makeStream(of: ConsumeOptions.Start.self)
      session.onReconnect = { _, start in told.yield(start) }
      try await server.killAndRestart()
      try await writer.produce([ClientRecord("7", key: "wanted")])
      let batch = try await session.next()
      #expect(try batch?.records().map(\.offset) == [7])
      let start = await starts.first { _ in true }
      #expect(start == .offset(7))
      await reader.close()
      await writer.close()
    }

    @Test func `a position that a server tells never moves a read back`() {
      var options = ConsumeOptions()
      options.start = .offset(5)
      options.resume(at: 3)
      #expect(options.start == .offset(5))
      options.resume(at: 6)
      #expect(options.start == .offset(6))
    }
  }
}
