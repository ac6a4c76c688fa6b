import HTTP2
import Testing

@Suite struct FlowTests {
  /// A stream open in both directions, whose server side has begun its answer.
  private func openStream(_ client: Peer, _ server: Peer) throws -> HTTP2Stream {
    let call = try client.session.request(Peer.request, endStream: false, context: nil)
    try Peer.exchange(client, server)
    let stream = try #require(server.streams[call.id])
    server.session.respond(Peer.response, endStream: false, on: stream)
    return stream
  }

  @Test func `a stream takes no more than its window until bytes are given back`() throws {
    var settings = HTTP2Settings()
    settings.streamWindow = 1000
    let (client, server) = try Peer.pair(client: settings)
    client.givesBack = false
    let stream = try openStream(client, server)
    server.write([UInt8](repeating: 0x61, count: 2500), on: stream)
    try Peer.exchange(client, server)
    #expect(client.dataBytes[stream.id] == 1000)
    #expect(stream.bufferedBytes == 1500)
    #expect(server.drained() == [])
    let call = try #require(client.streams[stream.id])
    client.session.giveBack(1000, on: call)
    try Peer.exchange(client, server)
    #expect(client.dataBytes[stream.id] == 2000)
    client.session.giveBack(1000, on: call)
    try Peer.exchange(client, server)
    #expect(client.dataBytes[stream.id] == 2500)
    #expect(server.drained() == [stream.id])
    #expect(server.drained() == [])
  }

  @Test func `a stalled stream does not stall its neighbour`() throws {
    var settings = HTTP2Settings()
    settings.streamWindow = 70_000
    settings.connectionWindow = 100_000
    let (client, server) = try Peer.pair(server: settings)
    server.notesData = false
    server.givesBack = false
    let stalled = try client.session.request(Peer.request, endStream: false, context: nil)
    let neighbour = try client.session.request(Peer.request, endStream: false, context: nil)
    client.write([UInt8](repeating: 1, count: 1 << 20), on: stalled)
    try Peer.exchange(client, server)
    #expect(server.dataBytes[1] == 70_000)
    for _ in 0..<20 {
      client.write([UInt8](repeating: 2, count: 50_000), on: neighbour)
      try Peer.exchange(client, server)
      let stream = try #require(server.streams[3])
      server.session.giveBack(50_000, on: stream)
    }
    try Peer.exchange(client, server)
    #expect(server.dataBytes[3] == 1_000_000)
    #expect(server.dataBytes[1] == 70_000)
  }

  @Test func `what is written later goes out after a pause`() throws {
    let (client, server) = try Peer.pair()
    let stream = try openStream(client, server)
    for text in ["one ", "two ", "three"] {
      server.write(text, on: stream)
      try Peer.exchange(client, server)
      #expect(server.drained() == [stream.id])
    }
    #expect(client.events.last == .data(1, "one two three"))
  }

  @Test func `output is bounded by what the owner asks for`() throws {
    var settings = HTTP2Settings()
    settings.streamWindow = 8 << 20
    settings.connectionWindow = 8 << 20
    let (client, server) = try Peer.pair(client: settings)
    client.notesData = false
    let stream = try openStream(client, server)
    server.write([UInt8](repeating: 7, count: 4 << 20), on: stream)
    var total = 0
    while true {
      let bytes = try server.takeBytes(upTo: 48 << 10)
      if bytes.isEmpty { break }
      #expect(bytes.count <= (48 << 10) + (16 << 10) + 9)
      total += bytes.count
      client.receive(bytes)
    }
    #expect(total > 4 << 20)
    #expect(client.dataBytes[1] == 4 << 20)
  }

  @Test func `a stream closed while its emptied buffer waits to be told is not told`() throws {
    let (client, server) = try Peer.pair()
    let stream = try openStream(client, server)
    server.write("x", on: stream)
    try Peer.exchange(client, server)
    let call = try #require(client.streams[1])
    client.session.reset(call, .cancel)
    try Peer.exchange(client, server)
    #expect(server.drained() == [])
    // The memory serves the next stream.
    let next = try openStream(client, server)
    server.write("y", on: next)
    try Peer.exchange(client, server)
    #expect(server.drained() == [3])
  }
}
