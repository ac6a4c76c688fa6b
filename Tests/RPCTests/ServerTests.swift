import GRPCWire
import NIOCore
import NIOPosix
import Protobuf
import RPC
import Testing

@Suite(.timeLimit(.minutes(1))) struct ServerTests {
  @Test func `a deadline is kept by the server, whatever the client does`() async throws {
    try await PlainServer.with { server in
      let client = try await WireClient(port: server.server.port)
      async let late = client.call(
        "/test.Wire/Silent", headers: ["grpc-timeout": "30m"], body: [WireClient.framed("a")],
        end: false)
      async let later = client.call(
        "/test.Wire/Silent", headers: ["grpc-timeout": "60m"], body: [WireClient.framed("b")],
        end: false)
      #expect(try await late.status == "4")
      #expect(try await later.status == "4")
      await server.seen.wait(for: "ended deadline")
      try await client.close()
    }
  }

  @Test func `a lost connection ends its calls`() async throws {
    try await PlainServer.with { server in
      let client = try await WireClient(port: server.server.port)
      let open = Task {
        try? await client.call("/test.Wire/Silent", body: [WireClient.framed("a")], end: false)
      }
      await server.seen.wait(for: "message a")
      try await client.close()
      await server.seen.wait(for: "ended connectionLost")
      _ = await open.value
    }
  }

  @Test func `a cancelled call is told to its handler`() async throws {
    try await PlainServer.with { server in
      let channel = server.channel()
      let call = Task {
        try await channel.unary("/test.Wire/Silent", Array("a".utf8), timeout: .seconds(30))
      }
      await server.seen.wait(for: "message a")
      call.cancel()
      await server.seen.wait(for: "ended cancelled")
      _ = await call.result
      await channel.close()
    }
  }

  @Test func `draining waits for calls, then ends them as unavailable`() async throws {
    let server = try await PlainServer()
    let client = try await WireClient(port: server.server.port)
    async let open = client.call(
      "/test.Wire/Silent", body: [WireClient.framed("a")], end: false)
    await server.seen.wait(for: "message a")
    await server.server.drain(timeout: .milliseconds(100))
    let answer = try await open
    #expect(answer.status == "14")
    #expect(answer.message == "the server is stopping")
    #expect(server.seen.all.contains("ended stopping"))
    try await server.group.shutdownGracefully()
  }

  @Test func `a call that is under way when the server stops is answered as its handler says`()
    async throws
  {
    let server = try await PlainServer()
    let client = try await WireClient(port: server.server.port)
    async let open = client.call("/test.Wire/Begun", body: [WireClient.framed("a")])
    await server.seen.wait(for: "begun")
    await server.server.drain(timeout: .milliseconds(100))
    let answer = try await open
    #expect(answer.status == "2")
    #expect(answer.message == "begun, and not known to be done")
    #expect(server.seen.all.contains("ended stopping"))
    try await server.group.shutdownGracefully()
  }

  @Test func `a drain ends in time, whatever clients do`() async throws {
    let server = try await PlainServer()
    // One takes nothing of 16 MiB, one says nothing, one waits for an answer.
    let mute = try await MuteClient(port: server.server.port)
    try await mute.ask("/test.Wire/Much")
    await server.seen.wait(for: "sent much")
    let silent = try await MuteClient(port: server.server.port)
    let client = try await WireClient(port: server.server.port)
    async let open = client.call(
      "/test.Wire/Silent", body: [WireClient.framed("a")], end: false)
    await server.seen.wait(for: "message a")
    let took = await ContinuousClock().measure {
      await server.server.drain(timeout: .milliseconds(200))
    }
    // A second after its time, and room for a busy machine; it was 20 s.
    #expect(took < .milliseconds(200 + 1000 + 1500))
    #expect(try await open.status == "14")
    #expect(server.seen.all.filter { $0 == "ended stopping" }.count == 2)
    try await server.group.shutdownGracefully()
    try? await mute.close()
    try? await silent.close()
  }

  @Test func `draining without calls is quick and the port is free`() async throws {
    let server = try await PlainServer()
    let client = try await WireClient(port: server.server.port)
    _ = try await client.call("/test.Wire/Unary", body: [WireClient.framed("a")])
    let clock = ContinuousClock()
    let took = await clock.measure { await server.server.drain(timeout: .seconds(30)) }
    #expect(took < .seconds(5))
    try await server.group.shutdownGracefully()
  }

  @Test func `a client that does not read is asked for no more, and its neighbours go on`()
    async throws
  {
    try await PlainServer.with { server in
      let channel = server.channel()
      let stalled = try await channel.eventLoop.submit {
        let call = channel.start(
          "/test.Wire/Endless", shape: .serverStreaming, handler: StalledReader())
        call.holdsWindow = true
        call.send(UnsafeRawBufferPointer(start: nil, count: 0))
        call.halfClose()
        return NIOLoopBound(call, eventLoop: channel.eventLoop)
      }.get()
      // The client's window of 1 MiB holds 15 messages, and a part of the next.
      await server.seen.wait(for: "sent 16")
      for number in 0..<200 {
        let text = Array("\(number)".utf8)
        #expect(try await channel.unary("/test.Wire/Unary", text) == text)
      }
      #expect(!server.seen.all.contains("asked too early"))
      #expect(server.seen.all.filter { $0.hasPrefix("sent") }.count <= 17)
      try await channel.eventLoop.submit { stalled.value.cancel() }.get()
      await server.seen.wait(for: "ended cancelled")
      await channel.close()
    }
  }

  @Test func `a client that sends and does not read is held back`() async throws {
    try await PlainServer.with { server in
      let channel = server.channel()
      let stalled = try await channel.eventLoop.submit {
        let call = channel.start("/test.Wire/Echo", handler: StalledReader())
        call.holdsWindow = true
        call.send(UnsafeRawBufferPointer(start: nil, count: 0))
        return NIOLoopBound(call, eventLoop: channel.eventLoop)
      }.get()
      await server.seen.wait(for: "echoed")
      try await channel.eventLoop.submit {
        let message = [UInt8](repeating: 0x78, count: 64 << 10)
        for _ in 0..<128 { message.withUnsafeBytes { stalled.value.send($0) } }
      }.get()
      for number in 0..<200 {
        let text = Array("\(number)".utf8)
        #expect(try await channel.unary("/test.Wire/Unary", text) == text)
      }
      // The client's window of 1 MiB, as much untaken, and the stream's own window.
      let echoed = server.seen.all.filter { $0 == "echoed" }.count
      #expect(echoed > 16)
      #expect(echoed < 50)
      try await channel.eventLoop.submit { stalled.value.cancel() }.get()
      await channel.close()
    }
  }

  @Test func `health is told by Check and followed by Watch`() async throws {
    try await PlainServer.with { server in
      let channel = server.channel()
      let unknown = HealthCheckRequest(service: "log.v1.Log").serialized()
      await #expect(throws: RPCError.self) {
        _ = try await channel.unary(HealthMethod.check.rawValue, unknown)
      }
      server.health.set("log.v1.Log", .serving)
      let answer = try await channel.unary(HealthMethod.check.rawValue, unknown)
      #expect(try HealthCheckResponse(serialized: answer).status == .serving)
      var states: [HealthCheckResponse.ServingStatus] = []
      for try await message in channel.serverStream(HealthMethod.watch.rawValue, unknown) {
        states.append(try HealthCheckResponse(serialized: message).status)
        if states.count == 2 { break }
        server.health.set("log.v1.Log", .notServing)
      }
      #expect(states == [.serving, .notServing])
      await channel.close()
    }
  }
}

/// Takes messages and gives no window back.
private final class StalledReader: ClientCallHandler {
  func receive(_ message: UnsafeRawBufferPointer, on call: ClientCall) {}
  func readyToSend(on call: ClientCall) {}
  func ended(_ status: Status, trailers: Metadata, on call: ClientCall) {}
}
