import HTTP2
import Testing

@Suite struct SessionTests {
  private static let requestFields = [
    ":method: POST", ":scheme: https", ":path: /a/B", ":authority: x",
  ]

  @Test func `a request and its answer with trailers pass both ways`() throws {
    let (client, server) = try Peer.pair()
    let call = try client.session.request(Peer.request, endStream: false, context: nil)
    client.write("question", on: call)
    client.session.end(call)
    try Peer.exchange(client, server)
    #expect(
      server.events == [
        .headers(1, Self.requestFields, .request, endStream: false), .data(1, "question"), .end(1),
      ])
    let stream = try #require(server.streams[1])
    server.session.respond(Peer.response, endStream: false, on: stream)
    server.write("ans", on: stream)
    server.write("wer", on: stream)
    server.session.end(stream, trailers: HTTP2HeaderList(["grpc-status": "0"]))
    try Peer.exchange(client, server)
    #expect(
      client.events == [
        .headers(1, [":status: 200"], .response, endStream: false), .data(1, "answer"),
        .headers(1, ["grpc-status: 0"], .trailers, endStream: true), .closed(1, 0),
      ])
    #expect(server.events.last == .closed(1, 0))
    #expect(server.session.streamCount == 0)
    #expect(client.session.streamCount == 0)
  }

  @Test func `an answer may be one block of headers`() throws {
    let (client, server) = try Peer.pair()
    server.onHeaders = { stream in
      let list = HTTP2HeaderList([":status": "200"])
      list.append("grpc-status", "5")
      list.append("x-custom", "a value")
      server.session.respond(list, endStream: true, on: stream)
    }
    _ = try client.session.request(Peer.request, endStream: true, context: nil)
    try Peer.exchange(client, server)
    let fields = [":status: 200", "grpc-status: 5", "x-custom: a value"]
    #expect(
      client.events == [.headers(1, fields, .response, endStream: true), .closed(1, 0)])
  }

  @Test func `trailers follow when all bytes were taken before the end was known`() throws {
    let (client, server) = try Peer.pair()
    _ = try client.session.request(Peer.request, endStream: true, context: nil)
    try Peer.exchange(client, server)
    let stream = try #require(server.streams[1])
    server.session.respond(Peer.response, endStream: false, on: stream)
    server.write("all", on: stream)
    try Peer.exchange(client, server)
    server.session.end(stream, trailers: HTTP2HeaderList(["grpc-status": "0"]))
    try Peer.exchange(client, server)
    #expect(
      client.events.suffix(2) == [
        .headers(1, ["grpc-status: 0"], .trailers, endStream: true), .closed(1, 0),
      ])
  }

  @Test func `bytes may come split anywhere`() throws {
    let client = try Peer(.client)
    for text in ["first", "second"] {
      let call = try client.session.request(Peer.request, endStream: false, context: nil)
      client.write(text, on: call)
      client.session.end(call)
    }
    let bytes = try client.takeBytes()
    let whole = try Peer(.server)
    whole.receive(bytes)
    #expect(whole.events.contains(.data(3, "second")))
    for split in 0...bytes.count {
      let server = try Peer(.server)
      server.receive(bytes[..<split])
      server.receive(bytes[split...])
      #expect(server.events == whole.events, "split at \(split)")
    }
    let server = try Peer(.server)
    for byte in bytes { server.receive([byte]) }
    #expect(server.events == whole.events)
  }

  @Test func `a server that has answered tells a client that still sends to stop`() throws {
    let (client, server) = try Peer.pair()
    let call = try client.session.request(Peer.request, endStream: false, context: nil)
    client.write("a", on: call)
    server.onHeaders = { server.session.respond(Peer.response, endStream: true, on: $0) }
    try Peer.exchange(client, server)
    #expect(client.events.contains(.headers(1, [":status: 200"], .response, endStream: true)))
    #expect(client.events.last == .closed(1, HTTP2ErrorCode.noError.rawValue))
    #expect(server.session.streamCount == 0)
  }

  @Test func `a reset ends a stream on both sides and drops what was buffered`() throws {
    let (client, server) = try Peer.pair()
    let call = try client.session.request(Peer.request, endStream: false, context: nil)
    try Peer.exchange(client, server)
    client.write("never", on: call)
    client.session.reset(call, .cancel)
    try Peer.exchange(client, server)
    #expect(server.events.last == .closed(1, HTTP2ErrorCode.cancel.rawValue))
    #expect(client.events.last == .closed(1, HTTP2ErrorCode.cancel.rawValue))
    #expect(!server.events.contains(.data(1, "never")))
  }

  @Test func `a ping is answered`() throws {
    let (client, server) = try Peer.pair()
    server.session.ping(0xFEED)
    try Peer.exchange(client, server)
    #expect(server.events == [.pingAcknowledged(0xFEED)])
  }

  @Test func `a drain refuses new streams and lets the old one end`() throws {
    let (client, server) = try Peer.pair()
    let call = try client.session.request(Peer.request, endStream: false, context: nil)
    try Peer.exchange(client, server)
    server.session.announceShutdown()
    try Peer.exchange(client, server)
    #expect(client.events == [.goAway(last: .max, 0)])
    server.session.goAway()
    try Peer.exchange(client, server)
    #expect(client.events.last == .goAway(last: 1, 0))
    client.session.end(call)
    try Peer.exchange(client, server)
    let stream = try #require(server.streams[1])
    server.session.respond(Peer.response, endStream: true, on: stream)
    try Peer.exchange(client, server)
    #expect(server.events.last == .closed(1, 0))
    #expect(server.session.isFinished)
  }

  @Test func `what is not HTTP2 is told apart`() throws {
    let server = try Peer(.server)
    server.receive(Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
    #expect(server.failure == .notHTTP2)
  }

  @Test func `streams beyond the limit wait until one ends`() throws {
    var settings = HTTP2Settings()
    settings.maxConcurrentStreams = 2
    let (client, server) = try Peer.pair(server: settings)
    for _ in 0..<3 { _ = try client.session.request(Peer.request, endStream: true, context: nil) }
    try Peer.exchange(client, server)
    #expect(server.streams.keys.sorted() == [1, 3])
    let first = try #require(server.streams[1])
    server.session.respond(Peer.response, endStream: true, on: first)
    try Peer.exchange(client, server)
    #expect(server.streams.keys.sorted() == [3, 5])
  }
}
