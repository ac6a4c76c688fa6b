import RPC
import Testing

@Suite(.timeLimit(.minutes(1))) struct WireTests {
  private static func ask(
    _ path: String = "/test.Wire/Unary", headers: [String: String] = [:],
    body: [[UInt8]] = [WireClient.framed("hi")], end: Bool = true
  ) async throws -> WireClient.Answer {
    var answer = WireClient.Answer()
    try await PlainServer.with { server in
      let client = try await WireClient(port: server.server.port)
      answer = try await client.call(path, headers: headers, body: body, end: end)
      // Whatever was said, the connection goes on.
      let next = try await client.call("/test.Wire/Unary", body: [WireClient.framed("next")])
      #expect(next.body == WireClient.framed("next"))
      #expect(next.status == "0")
      try await client.close()
    }
    return answer
  }

  @Test func `an answer has the headers and trailers of gRPC`() async throws {
    let answer = try await Self.ask()
    #expect(answer.body == WireClient.framed("hi"))
    #expect(
      answer.headers == [
        ":status": "200", "content-type": "application/grpc", "grpc-accept-encoding": "identity",
      ])
    #expect(answer.trailers == ["grpc-status": "0"])
    #expect(answer.resetCode == 0)
  }

  @Test func `a request may come split anywhere`() async throws {
    let bytes = WireClient.framed("one") + WireClient.framed("") + WireClient.framed("three")
    try await PlainServer.with { server in
      let client = try await WireClient(port: server.server.port)
      for split in 1..<bytes.count {
        let answer = try await client.call(
          "/test.Wire/Collect", body: [Array(bytes[..<split]), Array(bytes[split...])])
        #expect(answer.body == WireClient.framed("onethree"), "split at \(split)")
      }
      let answer = try await client.call("/test.Wire/Collect", body: bytes.map { [$0] })
      #expect(answer.body == WireClient.framed("onethree"))
      try await client.close()
    }
  }

  @Test(arguments: [
    ("compressed without encoding", [WireClient.framed("hi", flag: 1)], "13"),
    ("flag 2", [WireClient.framed("hi", flag: 2)], "13"),
    ("flag 255", [WireClient.framed("hi", flag: 255)], "13"),
    ("cut short", [WireClient.framed("hi", length: 3)], "13"),
    ("cut in the prefix", [[0, 0]], "13"),
    ("two messages", [WireClient.framed("a") + WireClient.framed("b")], "13"),
    ("none", [[]], "13"),
    ("too large", [WireClient.framed("hi", length: (4 << 20) + 1)], "8"),
    ("huge", [WireClient.framed("hi", length: Int(UInt32.max))], "8"),
  ])
  func `bad framing is answered with its status`(
    name: String, body: [[UInt8]], status: String
  ) async throws {
    let answer = try await Self.ask(body: body)
    #expect(answer.status == status, "\(name)")
    #expect(answer.message != nil, "\(name)")
  }

  @Test func `a message over the limit is refused when its length is known`() async throws {
    // Nothing more of it is sent, and the request is not ended.
    let prefix = WireClient.framed("", length: 5 << 20)
    let answer = try await Self.ask("/test.Wire/Collect", body: [prefix], end: false)
    #expect(answer.status == "8")
    #expect(answer.headers["grpc-status-details-bin"] != nil)
    #expect(answer.message == "a message of 5242880 bytes is over the limit of 4194304 bytes")
  }

  @Test(
    arguments: [
      (["content-type": "text/plain"], "415", nil),
      (["content-type": ""], "415", nil),
      (["content-type": "application/grpc+json"], "415", nil),
      (["content-type": "application/grpc+proto"], "200", "0"),
      ([":method": "GET"], "405", nil),
      (["te": ""], "200", "0"),
      (["grpc-encoding": "identity"], "200", "0"),
      (["grpc-encoding": "gzip"], "200", "12"),
      (["grpc-timeout": "99999999H"], "200", "0"),
      (["grpc-timeout": "0n"], "200", "4"),
      (["grpc-timeout": "123456789S"], "200", "13"),
      (["grpc-timeout": "-1S"], "200", "13"),
      (["grpc-timeout": "soon"], "200", "13"),
      (["x-bytes-bin": "AAEC"], "200", "0"),
      (["x-bytes-bin": "not base64!"], "200", "13"),
      (["x-large": String(repeating: "x", count: 17_000)], "200", "8"),
    ] as [([String: String], String, String?)])
  func `each header is judged`(
    headers: [String: String], http: String, status: String?
  ) async throws {
    let answer = try await Self.ask(headers: headers)
    #expect(answer.headers[":status"] == http)
    #expect(answer.status == status)
  }

  @Test func `a deadline of zero never reaches a handler`() async throws {
    try await PlainServer.with { server in
      let client = try await WireClient(port: server.server.port)
      for round in 0..<50 {
        // A further header takes the longer way.
        let extra = round % 2 == 0 ? [:] : ["x-further": "1"]
        for timeout in ["0n", "0m", "00000000H"] {
          let answer = try await client.call(
            "/test.Wire/Unary",
            headers: extra.merging(["grpc-timeout": timeout]) { first, _ in first },
            body: [WireClient.framed("a")])
          #expect(answer.status == "4")
          let begun = try await client.call(
            "/test.Wire/Begun", headers: ["grpc-timeout": timeout], body: [WireClient.framed("a")])
          #expect(begun.status == "4")
        }
      }
      #expect(server.seen.all == [])
      try await client.close()
    }
  }

  @Test func `a path that no method has is unimplemented`() async throws {
    let answer = try await Self.ask("/test.Wire/Nothing")
    #expect(answer.status == "12")
    #expect(answer.message == "there is no method /test.Wire/Nothing")
    #expect(answer.headers[":status"] == "200")
  }

  @Test func `an encoding that is refused comes with those that are not`() async throws {
    let answer = try await Self.ask(headers: ["grpc-encoding": "gzip"])
    #expect(answer.headers["grpc-accept-encoding"] == "identity")
  }

  @Test func `a handler is told of its client's mistake`() async throws {
    try await PlainServer.with { server in
      let client = try await WireClient(port: server.server.port)
      _ = try await client.call(
        "/test.Wire/Unary", body: [WireClient.framed("a") + WireClient.framed("b")])
      await server.seen.wait(for: "failed INTERNAL")
      try await client.close()
    }
  }
}
