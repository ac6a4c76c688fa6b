import GRPCWire
import NIOCore
import NIOPosix
import RPC
import Testing

/// What a channel does when a server refuses calls, leaves, or falls silent.
@Suite(.timeLimit(.minutes(1))) struct ChannelRetryTests {
  private func channel(
    _ server: ScriptedServer, _ change: (inout RPCChannelConfiguration) -> Void = { _ in }
  ) -> RPCChannel {
    var configuration = RPCChannelConfiguration(host: "127.0.0.1", port: server.port)
    change(&configuration)
    return RPCChannel(configuration, on: MultiThreadedEventLoopGroup.singleton.next())
  }

  private func errorOfCall(_ channel: RPCChannel) async -> String {
    await errorText { () async throws(RPCError) in _ = try await channel.unary("/a/B", [1]) }
  }

  @Test func `a call that the server refused unseen is made again`() async throws {
    let server = try await ScriptedServer([.refuse, .refuse, .answer])
    let channel = channel(server)
    #expect(try await channel.unary("/a/B", [1]).text == "ok")
    await channel.close()
    try await server.stop()
  }

  @Test func `a call is made three times at most`() async throws {
    let server = try await ScriptedServer([.refuse, .refuse, .refuse])
    let channel = channel(server)
    #expect(await errorOfCall(channel).hasPrefix("UNAVAILABLE"))
    #expect(try await channel.unary("/a/B", [1]).text == "ok")
    await channel.close()
    try await server.stop()
  }

  @Test func `a server that leaves is dialled again for the next call`() async throws {
    let server = try await ScriptedServer([.answerAndGoAway, .answerAndGoAway])
    let channel = channel(server)
    for _ in 0..<3 { #expect(try await channel.unary("/a/B", [1]).text == "ok") }
    #expect(server.connections == 3)
    await channel.close()
    try await server.stop()
  }

  @Test func `a call that a leaving server did not process goes to the next connection`()
    async throws
  {
    let server = try await ScriptedServer([.disown, .answer])
    let channel = channel(server)
    #expect(try await channel.unary("/a/B", [1]).text == "ok")
    #expect(server.connections == 2)
    await channel.close()
    try await server.stop()
  }

  @Test func `a call that was processed when the server left is not made again`() async throws {
    // Its GOAWAY names this call as the last one seen, so it may have been carried out.
    let server = try await ScriptedServer([.goAwayBefore])
    let channel = channel(server)
    #expect(await errorOfCall(channel) != "no error")
    #expect(server.connections == 1)
    #expect(try await channel.unary("/a/B", [1]).text == "ok")
    await channel.close()
    try await server.stop()
  }

  @Test func `a server that answers no PING is given up`() async throws {
    let server = try await ScriptedServer([.fallSilent])
    let channel = channel(server) {
      $0.keepaliveInterval = .milliseconds(20)
      $0.keepaliveTimeout = .milliseconds(50)
    }
    #expect(
      await errorOfCall(channel)
        == "UNAVAILABLE: the connection to 127.0.0.1:\(server.port) was lost "
        + "(no answer to a PING within 50 ms)")
    #expect(try await channel.unary("/a/B", [1]).text == "ok")
    await channel.close()
    try await server.stop()
  }

  @Test func `many calls wait for one connection`() async throws {
    let server = try await ScriptedServer([])
    let channel = channel(server)
    await withTaskGroup(of: String?.self) { group in
      for _ in 0..<500 {
        group.addTask { try? await channel.unary("/a/B", [1]).text }
      }
      for await text in group { #expect(text == "ok") }
    }
    #expect(server.connections == 1)
    await channel.close()
    try await server.stop()
  }

  @Test func `too many waiting calls are refused`() async throws {
    let server = try await ScriptedServer([])
    let channel = channel(server) { $0.maxWaitingCalls = 10 }
    let texts = await withTaskGroup(of: String.self, returning: [String].self) { group in
      for _ in 0..<2000 { group.addTask { await self.errorOfCall(channel) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(texts.contains { $0.hasPrefix("RESOURCE_EXHAUSTED") })
    #expect(texts.contains("no error"))
    await channel.close()
    try await server.stop()
  }
}
