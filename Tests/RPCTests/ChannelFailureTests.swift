import GRPCWire
import NIOCore
import NIOPosix
import RPC
import TLS
import TestSupport
import Testing

/// What a channel says when there is no connection, and how it gets one again.
@Suite(.timeLimit(.minutes(1))) struct ChannelFailureTests {
  private func text(_ channel: RPCChannel) async -> String {
    await errorText { () async throws(RPCError) in
      _ = try await channel.unary("/test.Echo/Unary", [1])
    }
  }

  /// A port of loopback on which nothing listens.
  private func freePort() async throws -> Int {
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = listener.localAddress?.port ?? 0
    try await listener.close()
    return port
  }

  @Test func `a refused connection says that nothing listens`() async throws {
    let port = try await freePort()
    try await withServer { server in
      let channel = try server.channel(port: port)
      #expect(await text(channel) == "nothing listens at 127.0.0.1:\(port); is distlogd running?")
      // While it backs off, a call fails with the same reason at once.
      #expect(await text(channel) == "nothing listens at 127.0.0.1:\(port); is distlogd running?")
      await channel.close()
    }
  }

  @Test func `a name without an address is named`() async throws {
    try await withServer { server in
      let channel = try server.channel(host: "no-such-host.invalid")
      #expect(
        await text(channel)
          == "the name no-such-host.invalid cannot be resolved; is it spelled right?")
      await channel.close()
    }
  }

  @Test func `a client without a certificate learns that one is required`() async throws {
    try await withServer { server in
      let ca = try TestCertificates.shared.get().authority().certificate
      let tls = try TLSContext.client(ca: ca)
      let channel = try server.channel { $0.tls = tls }
      #expect(
        await text(channel) == "127.0.0.1:\(server.server.port) refused the TLS connection: "
          + "it requires a client certificate")
      await channel.close()
    }
  }

  @Test func `a server of another CA is not trusted`() async throws {
    try await withServer { server in
      let tls = try TLSContext.client(
        ca: TestCertificates.shared.get().authority("other").certificate)
      let channel = try server.channel { $0.tls = tls }
      #expect(await text(channel).hasPrefix("certificate of 127.0.0.1:\(server.server.port) is "))
      await channel.close()
    }
  }

  @Test func `a server that says nothing is given up in time`() async throws {
    // Accepts and never answers.
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = listener.localAddress?.port ?? 0
    try await withServer { server in
      let channel = try server.channel(port: port) { $0.connectTimeout = .milliseconds(100) }
      #expect(
        await text(channel)
          == "127.0.0.1:\(port) did not answer within 100 ms (TLS handshake)")
      await channel.close()
    }
    try await listener.close()
  }

  @Test func `a plain server is told apart from a TLS one`() async throws {
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in channel.pipeline.addHandler(PlainGreeter()) }
      .bind(host: "127.0.0.1", port: 0).get()
    let port = listener.localAddress?.port ?? 0
    try await withServer { server in
      let channel = try server.channel(port: port)
      #expect(
        await text(channel) == "127.0.0.1:\(port) does not speak TLS; is it the right port?")
      await channel.close()
    }
    try await listener.close()
  }

  @Test func `after a restart of the server calls go through again`() async throws {
    let first = try await TestServer()
    let port = first.server.port
    let channel = try first.channel()
    #expect(try await channel.unary("/test.Echo/Unary", [1]) == [1])
    try await first.stop()
    #expect(await text(channel).contains("127.0.0.1:\(port)"))
    let second = try await TestServer(port: port)
    try await channel.connect()
    #expect(try await channel.unary("/test.Echo/Unary", [2]) == [2])
    await channel.close()
    try await second.stop()
  }

  @Test func `a call that is open when the server goes fails as unavailable`() async throws {
    let server = try await TestServer()
    let channel = try server.channel()
    let stream = channel.serverStream("/test.Echo/Silence", [1])
    // The answer to a later call shows that the earlier one has arrived.
    _ = try await channel.unary("/test.Echo/Unary", [1])
    try await server.stop()
    let text = await errorText { () async throws(RPCError) in
      for try await _ in stream {}
    }
    #expect(text.hasPrefix("UNAVAILABLE"))
    await channel.close()
  }

  @Test func `cancelling a task ends its wait for a connection`() async throws {
    let port = try await freePort()
    try await withServer { server in
      let channel = try server.channel(port: port) { $0.backoff.initial = .seconds(600) }
      _ = await text(channel)
      let waiting = Task {
        await errorText { () async throws(RPCError) in try await channel.connect() }
      }
      waiting.cancel()
      #expect(await waiting.value == "cancelled")
      await channel.close()
    }
  }

  @Test func `a closed channel says so`() async throws {
    try await withServer { server in
      let channel = try server.channel()
      #expect(try await channel.unary("/test.Echo/Unary", [1]) == [1])
      await channel.close()
      #expect(
        await text(channel) == "the channel to 127.0.0.1:\(server.server.port) was closed")
    }
  }
}

/// A server that does not speak TLS.
private final class PlainGreeter: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer

  func channelActive(context: ChannelHandlerContext) {
    let greeting = ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n")
    context.channel.writeAndFlush(greeting, promise: nil)
  }
}

@Suite struct BackoffTests {
  @Test func `waits grow to a maximum and start again`() {
    var backoff = Backoff()
    backoff.initial = .milliseconds(100)
    backoff.maximum = .seconds(1)
    let waits = (0..<8).map { _ in backoff.next(random: 0.5) }
    #expect(waits[0] == .milliseconds(100))
    #expect(waits[1] == .milliseconds(160))
    #expect(waits[7] == .seconds(1))
    backoff.reset()
    #expect(backoff.next(random: 0) == .milliseconds(80))
  }
}
