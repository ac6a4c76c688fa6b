import GRPCWire
import NIOCore
import RPC
import Testing

/// What one client can take of the server.
@Suite(.timeLimit(.minutes(1))) struct LimitTests {
  @Test func `unfinished messages over a connection's limit end the call that goes over`()
    async throws
  {
    try await PlainServer.with { configuration in
      configuration.maxMessageBytes = 256 << 10
      configuration.maxGatheredBytes = 512 << 10
    } _: { server in
      let client = try await WireClient(port: server.server.port)
      // Afterwards the client knows how large the connection's window is.
      _ = try await client.call("/test.Wire/Unary", body: [WireClient.framed("a")])
      // Two fit, three do not.
      let part =
        Array(WireClient.framed("", length: 256 << 10)) + [UInt8](repeating: 1, count: 200_000)
      let open = (0..<3).map { _ in
        Task { try await client.call("/test.Wire/Collect", body: [part], end: false) }
      }
      await server.seen.wait(for: "failed RESOURCE_EXHAUSTED")
      // Without the memory of the refused one there is room for one more.
      let text = String(repeating: "x", count: 100_000)
      let next = try await client.call("/test.Wire/Unary", body: [WireClient.framed(text)])
      #expect(next.status == "0")
      #expect(next.body == WireClient.framed(text))
      #expect(server.seen.all.filter { $0.hasPrefix("failed") }.count == 1)
      try await client.close()
      var refused: [Status] = []
      for task in open {
        guard let answer = try? await task.value else { continue }
        let trailers = Metadata(answer.headers.map { ($0.key, $0.value) })
        refused.append(try #require(Status(trailers: trailers)))
      }
      #expect(refused.map(\.code) == [.resourceExhausted])
      #expect(refused.first?.errorInfo()?.reason == "RATE_LIMITED")
      #expect(refused.first?.retryDelay() == .seconds(1))
    }
  }

  @Test func `calls that end give back what they gathered`() async throws {
    try await PlainServer.with { configuration in
      configuration.maxMessageBytes = 256 << 10
      configuration.maxGatheredBytes = 256 << 10
    } _: { server in
      let client = try await WireClient(port: server.server.port)
      let whole = WireClient.framed(String(repeating: "x", count: 100_000))
      for _ in 0..<8 {
        let done = try await client.call("/test.Wire/Collect", body: [whole + whole])
        #expect(done.status == "0")
        let cut = try await client.call("/test.Wire/Collect", body: [Array(whole.dropLast())])
        #expect(cut.status == "13")
        let late = try await client.call(
          "/test.Wire/Silent", headers: ["grpc-timeout": "5m"], body: [Array(whole.dropLast())],
          end: false)
        #expect(late.status == "4")
      }
      try await client.close()
    }
  }

  @Test func `a health request is small`() async throws {
    try await PlainServer.with { server in
      let client = try await WireClient(port: server.server.port)
      let prefix = WireClient.framed("", length: (64 << 10) + 1)
      for method in HealthMethod.allCases {
        let answer = try await client.call(method.rawValue, body: [prefix], end: false)
        #expect(answer.status == "8")
      }
      try await client.close()
    }
  }

  @Test func `the limit of connections is one for all event loops`() async throws {
    let lines = LogLines()
    try await PlainServer.with(threads: 2) { configuration in
      configuration.maxConnections = 3
      configuration.logger = lines.logger
    } _: { server in
      var clients: [WireClient] = []
      for _ in 0..<3 {
        let client = try await WireClient(port: server.server.port)
        #expect(try await Self.isServed(client))
        clients.append(client)
      }
      for _ in 0..<20 {
        let client = try await WireClient(port: server.server.port)
        #expect(try await !Self.isServed(client))
      }
      // At most one line a second.
      let refused = lines.all.filter { $0.contains("over the limit of 3") }
      #expect(refused.count >= 1)
      #expect(refused.count <= 3)
      #expect(refused.first?.hasPrefix("refused 1 connections") == true)
      // Those that are there go on, and one that leaves makes room.
      for client in clients { #expect(try await Self.isServed(client)) }
      try await clients.removeLast().close()
      var next = try await WireClient(port: server.server.port)
      while try await !Self.isServed(next) { next = try await WireClient(port: server.server.port) }
      for client in clients + [next] { try await client.close() }
    }
  }

  @Test func `a flood of refused handshakes is told in few lines, and none is left uncounted`()
    async throws
  {
    let lines = LogLines()
    try await withServer(logger: lines.logger) { server in
      for _ in 0..<60 {
        // Plain text where TLS is spoken.
        let client = try await WireClient(port: server.server.port)
        #expect(try await !Self.isServed(client))
      }
      await lines.wait { Self.refusals($0) >= 60 }
    }
    #expect(Self.refusals(lines.all) == 60)
    #expect(lines.all.contains { $0.hasPrefix("closing the connection from 127.0.0.1:") })
    // Ten a second, and one for the rest; it may have taken some seconds on a busy machine.
    #expect(lines.all.count <= 44)
  }

  /// How many refused connections these lines tell of.
  private static func refusals(_ lines: [String]) -> Int {
    lines.reduce(0) { sum, line in
      if line.hasPrefix("closing the connection") { return sum + 1 }
      guard line.contains("more connections were refused") else { return sum }
      return sum + (line.split(separator: " ").first.flatMap { Int($0) } ?? 0)
    }
  }

  /// Whether a call is answered; false when the connection ends instead.
  private static func isServed(_ client: WireClient) async throws -> Bool {
    do {
      return try await client.call("/test.Wire/Unary", body: [WireClient.framed("a")]).status == "0"
    } catch let error as ChannelError where error == .eof || error == .alreadyClosed {
      return false
    }
  }
}
