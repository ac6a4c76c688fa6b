import TLS
import TestSupport
import Testing

@Suite struct DataTests {
  private func established() throws -> SessionPair {
    let pair = try SessionPair(client: Contexts.client(), server: Contexts.server())
    try pair.shakeHands()
    try #require(pair.server.state == .established)
    return pair
  }

  @Test func `bytes arrive as they were sent, over many records`() throws {
    let pair = try established()
    let sent = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    pair.giveServer(try pair.encrypt(sent, pair.client))
    #expect(pair.serverReceived == sent)
    pair.giveClient(try pair.encrypt(sent.reversed(), pair.server))
    #expect(pair.clientReceived == sent.reversed())
  }

  @Test func `a handshake and data arriving byte by byte are the same`() throws {
    let pair = try SessionPair(client: Contexts.client(), server: Contexts.server())
    pair.pieceBytes = 1
    try pair.shakeHands()
    let sent = Array("one byte at a time".utf8)
    pair.giveServer(try pair.encrypt(sent, pair.client))
    pair.giveClient(try pair.encrypt(sent, pair.server))
    #expect(pair.serverReceived == sent)
    #expect(pair.clientReceived == sent)
  }

  @Test func `data split at every byte is the same`() throws {
    let pair = try established()
    let sent = Array("split anywhere".utf8)
    let count = try pair.encrypt(sent, pair.client).count
    // That one was not delivered, so sequence numbers start again with a new pair.
    for split in 0...count {
      let pair = try established()
      let bytes = try pair.encrypt(sent, pair.client)
      pair.giveServer(Array(bytes[..<split]))
      pair.giveServer(Array(bytes[split...]))
      #expect(pair.serverReceived == sent, "split at \(split)")
    }
  }

  @Test func `full records carry 16 KiB with at most 32 bytes more`() throws {
    let pair = try established()
    let sent = [UInt8](repeating: 7, count: 4 * TLSSession.maxRecordBytes)
    #expect(try pair.encrypt(sent, pair.client).count == sent.count + 4 * 22)
  }

  @Test func `what does not fit the output stays pending, in order`() throws {
    let pair = try established()
    let sent = (0..<50_000).map { UInt8(truncatingIfNeeded: $0) }
    var small = [UInt8](repeating: 0, count: 1000)
    let written = try small.withUnsafeMutableBytes { output in
      try sent.withUnsafeBytes { try pair.client.write($0, into: output) }
    }
    #expect(written == 1000)
    pair.giveServer(small)
    #expect(pair.client.pendingBytes > 49_000)
    let more = try pair.encrypt([1, 2, 3], pair.client)
    #expect(pair.client.pendingBytes == 0)
    pair.giveServer(more)
    #expect(pair.serverReceived == sent + [1, 2, 3])
  }

  @Test func `closing is seen by the peer, which may still send`() throws {
    let pair = try established()
    pair.client.close()
    pair.exchange()
    #expect(pair.server.state == .closedByPeer)
    #expect(pair.server.receivedEnd() == nil)
    pair.giveClient(try pair.encrypt([9], pair.server))
    #expect(pair.clientReceived == [9])
  }

  @Test func `an end without closing is a truncation`() throws {
    let pair = try established()
    #expect(
      pair.server.receivedEnd() == .truncated(peer: "10.0.0.9:50000", duringHandshake: false))
    let half = try SessionPair(client: Contexts.client(), server: Contexts.server())
    try half.client.start()
    #expect(
      half.client.receivedEnd()?.description
        == "localhost:8400 closed the connection during the TLS handshake")
  }

  @Test func `a changed byte is noticed`() throws {
    let pair = try established()
    var bytes = try pair.encrypt(Array("an important number: 7".utf8), pair.client)
    bytes[bytes.count - 3] ^= 1
    pair.giveServer(bytes)
    #expect(pair.serverReceived.isEmpty)
    #expect(pair.serverError?.description.contains("broke the TLS protocol") == true)
  }
}
