import HTTP2
import Testing

@Suite struct FloodTests {
  private static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ body: [UInt8])
    -> [UInt8]
  {
    let length = UInt32(body.count)
    let head: [UInt8] = [
      UInt8(truncatingIfNeeded: length >> 16), UInt8(truncatingIfNeeded: length >> 8),
      UInt8(truncatingIfNeeded: length), type, flags,
    ]
    return head + withUnsafeBytes(of: stream.bigEndian) { Array($0) } + body
  }

  /// Feeds frames, with the server answering as it would, until it gives up; how many it took.
  private func feed(_ server: Peer, upTo most: Int, _ frame: (Int) -> [UInt8]) throws -> Int {
    for count in 0..<most {
      server.receive(frame(count))
      _ = try server.takeBytes()
      if server.failure != nil || server.session.isFinished { return count }
    }
    return most
  }

  @Test(arguments: [
    ("PING", FloodTests.frame(6, [UInt8](repeating: 0, count: 8))),
    ("SETTINGS", FloodTests.frame(4, [])),
    ("PRIORITY", FloodTests.frame(2, stream: 7, [0, 0, 0, 0, 1])),
    ("WINDOW_UPDATE", FloodTests.frame(8, [0, 0, 0, 1])),
  ])
  func `a flood of control frames ends the connection`(name: String, frame: [UInt8]) throws {
    let (_, server) = try Peer.pair()
    let taken = try feed(server, upTo: 100_000) { _ in frame }
    #expect(taken < 20_000, "\(name)")
  }

  @Test func `streams that are opened and reset at once end the connection early`() throws {
    let (client, server) = try Peer.pair()
    var opened = 0
    while server.failure == nil, opened < 100_000 {
      let call = try client.session.request(Peer.request, endStream: true, context: nil)
      server.receive(try client.takeBytes())
      client.session.reset(call, .cancel)
      server.receive(try client.takeBytes())
      _ = try server.takeBytes()
      opened += 1
    }
    #expect(opened <= 2000)
    #expect(server.failure == .flooded)
  }

  @Test func `streams that we reset for the peer's mistakes count as well`() throws {
    let (client, server) = try Peer.pair()
    var opened = 0
    while server.failure == nil, !server.session.isFinished, opened < 100_000 {
      let call = try client.session.request(Peer.request, endStream: true, context: nil)
      server.receive(try client.takeBytes())
      // A window update of nothing is a stream error (RFC 9113 section 6.9).
      server.receive(Self.frame(8, stream: UInt32(call.id), [0, 0, 0, 0]))
      client.receive(try server.takeBytes())
      opened += 1
    }
    #expect(opened <= 2000)
  }

  @Test func `requests that are malformed count as resets`() throws {
    let (_, server) = try Peer.pair()
    // A literal field with an uppercase name: a stream error (RFC 9113 section 8.2.1).
    let taken = try feed(server, upTo: 10_000) { count in
      Self.frame(1, flags: 5, stream: UInt32(1 + 2 * count), [0, 1, 0x58, 1, 0x76])
    }
    #expect(taken <= 600)
    #expect(server.failure == .flooded)
  }

  @Test func `honest cancellations spread over time are let be`() throws {
    let (client, server) = try Peer.pair()
    for count in 0..<3000 {
      let call = try client.session.request(Peer.request, endStream: true, context: nil)
      server.receive(try client.takeBytes())
      client.session.reset(call, .cancel)
      server.receive(try client.takeBytes(), now: UInt64(count) * 20_000_000)
      _ = try server.takeBytes()
    }
    #expect(server.failure == nil)
  }

  @Test func `a header block without end is cut off`() throws {
    let (_, server) = try Peer.pair()
    server.receive(Self.frame(1, flags: 0, stream: 1, [0x83]))
    let taken = try feed(server, upTo: 1000) { _ in Self.frame(9, stream: 1, [0x83]) }
    #expect(taken <= 16)
  }

  @Test func `headers over the limit are told as such, and not kept`() throws {
    let (client, server) = try Peer.pair()
    let list = Peer.request
    for number in 0..<20 { list.append("x-\(number)", String(repeating: "v", count: 1000)) }
    _ = try client.session.request(list, endStream: true, context: nil)
    try Peer.exchange(client, server)
    #expect(
      server.events.first == .headers(1, ["too large"], .request, endStream: true))
  }
}
