import GRPCWire
import NIOCore
import NIOPosix
import RPC
import TLS
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ChannelTests {
  @Test func `a unary call brings back its answer`() async throws {
    try await withServer { server in
      let channel = try server.channel()
      #expect(try await channel.unary("/test.Echo/Unary", Array("hello".utf8)).text == "hello")
      let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      #expect(try await channel.unary("/test.Echo/Unary", large) == large)
      #expect(try await channel.unary("/test.Echo/Unary", []).isEmpty)
      await channel.close()
    }
  }

  @Test func `the server sees the client's certificate and metadata`() async throws {
    try await withServer { server in
      let channel = try server.channel()
      let answer = try await channel.unary(
        "/test.Echo/Whoami", [1], metadata: [("X-Test", "value")], timeout: .seconds(30))
      #expect(answer.text == "root value")
      await channel.close()
    }
  }

  @Test func `many calls at once are all answered, more than the server takes at a time`()
    async throws
  {
    try await withServer { server in
      let channel = try server.channel()
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<1000 {
          group.addTask {
            let text = Array("\(number)".utf8)
            return try await channel.unary("/test.Echo/Unary", text) == text
          }
        }
        for try await isEqual in group { #expect(isEqual) }
      }
      await channel.close()
    }
  }

  @Test func `a failure has its status, message and reason`() async throws {
    try await withServer { server in
      let channel = try server.channel()
      do throws(RPCError) {
        _ = try await channel.unary("/test.Echo/Fail", [])
        Issue.record("no error")
      } catch {
        guard case .status(let status) = error else {
          Issue.record("\(error)")
          return
        }
        #expect(status.code == .failedPrecondition)
        #expect(status.message == "no: ünder 100 %")
        #expect(status.errorInfo()?.reason == "TEST")
      }
      let text = await errorText { () async throws(RPCError) in
        _ = try await channel.unary("/test.Echo/Nothing", [])
      }
      #expect(text.hasPrefix("UNIMPLEMENTED"))
      await channel.close()
    }
  }

  @Test func `a call ends at its deadline, on the client too`() async throws {
    try await withServer { server in
      let channel = try server.channel()
      let text = await errorText { () async throws(RPCError) in
        _ = try await channel.unary("/test.Echo/Silence", [], timeout: .milliseconds(50))
      }
      #expect(text.hasPrefix("DEADLINE_EXCEEDED"))
      #expect(try await channel.unary("/test.Echo/Unary", [7]) == [7])
      await channel.close()
    }
  }

  @Test func `cancelling the task cancels the call`() async throws {
    try await withServer { server in
      let channel = try server.channel()
      try await channel.connect()
      let task = Task {
        await errorText { () async throws(RPCError) in
          _ = try await channel.unary("/test.Echo/Silence", [])
        }
      }
      task.cancel()
      #expect(await task.value == "cancelled")
      #expect(try await channel.unary("/test.Echo/Unary", [7]) == [7])
      await channel.close()
    }
  }

  @Test func `a stream both ways keeps the order`() async throws {
    try await withServer { server in
      let channel = try server.channel()
      let call = channel.bidirectional("/test.Echo/Stream")
      async let sent: Void = {
        for number in 0..<20_000 { try await call.send(Array("\(number)".utf8)) }
        call.finish()
      }()
      var expected = 0
      for try await message in call.responses {
        #expect(message.text == "\(expected)")
        expected += 1
      }
      #expect(expected == 20_000)
      try await sent
      await channel.close()
    }
  }

  @Test func `sending waits while the server does not take more`() async throws {
    try await withServer { server in
      let channel = try server.channel()
      let call = channel.bidirectional("/test.Echo/Hold", timeout: .milliseconds(500))
      // The server gives no window back: it fills up, and then this waits for the call's end.
      let task = Task {
        let block = [UInt8](repeating: 1, count: 100_000)
        var count = 0
        while (try? await call.send(block)) != nil { count += 1 }
        return count
      }
      #expect(try await channel.unary("/test.Echo/Unary", [5]) == [5])
      #expect(await task.value < 20)
      await channel.close()
    }
  }

  @Test func `a slow reader gets everything, one window at a time`() async throws {
    try await withServer { server in
      let channel = try server.channel { $0.streamWindow = 65_536 }
      var expected = 0
      for try await message in channel.serverStream("/test.Echo/Count", Array("500".utf8)) {
        #expect(message.text.hasPrefix("\(expected) "))
        expected += 1
        if expected % 50 == 0 { await Task.yield() }
      }
      #expect(expected == 500)
      await channel.close()
    }
  }

  @Test func `leaving a stream early cancels it`() async throws {
    try await withServer { server in
      let channel = try server.channel()
      for try await _ in channel.serverStream("/test.Echo/Count", Array("1000000".utf8)) { break }
      #expect(try await channel.unary("/test.Echo/Unary", [7]) == [7])
      await channel.close()
    }
  }

  @Test func `several names for the server are looked up and verified`() async throws {
    try await withServer { server in
      let channel = try server.channel(host: "localhost")
      #expect(try await channel.unary("/test.Echo/Unary", [7]) == [7])
      await channel.close()
    }
  }
}
