import TLS
import TestSupport
import Testing

@Suite struct HandshakeTests {
  @Test func `both sides agree on TLS 1-3 and know each other`() throws {
    let pair = try SessionPair(client: Contexts.client(), server: Contexts.server())
    try pair.shakeHands()
    #expect(pair.client.state == .established)
    #expect(pair.server.state == .established)
    #expect(pair.server.summary == "TLSv1.3 TLS_AES_128_GCM_SHA256")
    let client = try #require(pair.server.peerIdentity)
    #expect(client.commonName == "root")
    #expect(client.subject == "CN=root,O=distlog test")
    #expect(client.issuer == "CN=ca,O=distlog test")
    let server = try #require(pair.client.peerIdentity)
    #expect(server.dnsNames == ["localhost"])
    #expect(server.ipAddresses == ["127.0.0.1", "0:0:0:0:0:0:0:1"])
    #expect(server.notAfter == 4_102_444_799)
  }

  @Test(arguments: ["localhost", "127.0.0.1", "::1"])
  func `a server is accepted under each of its names`(name: String) throws {
    let pair = try SessionPair(
      client: Contexts.client(), server: Contexts.server(), serverName: name)
    try pair.shakeHands()
    #expect(pair.client.state == .established)
    #expect(pair.clientError == nil)
  }

  @Test func `without a certificate a client is refused and told so`() throws {
    let pair = try SessionPair(client: Contexts.anonymousClient(), server: Contexts.server())
    try pair.shakeHands()
    #expect(pair.serverError == .noCertificate(peer: "10.0.0.9:50000"))
    #expect(
      pair.clientError?.description
        == "localhost:8400 refused the TLS connection: it requires a client certificate")
  }

  @Test func `a client without a certificate is let in where that is allowed`() throws {
    let pair = try SessionPair(
      client: Contexts.anonymousClient(), server: Contexts.server(clientAuth: .optional))
    try pair.shakeHands()
    #expect(pair.server.state == .established)
    #expect(pair.server.peerIdentity == nil)
  }

  @Test func `where a certificate is optional a bad one is still refused`() throws {
    let files = try Contexts.certificates.leaf("root", validity: .expired)
    let pair = try SessionPair(
      client: Contexts.client(files), server: Contexts.server(clientAuth: .optional))
    try pair.shakeHands()
    #expect(pair.serverError != nil)
  }

  @Test func `a client certificate of another CA is refused`() throws {
    let files = try Contexts.certificates.leaf("root", authority: "other")
    let pair = try SessionPair(client: Contexts.client(files), server: Contexts.server())
    try pair.shakeHands()
    #expect(
      pair.serverError?.description
        == "certificate of 10.0.0.9:50000 is signed by an unknown CA (CN=other,O=distlog test); "
        + "give the CA file that signed it")
    #expect(
      pair.clientError?.description == "localhost:8400 refused the TLS connection: "
        + "this side's certificate is not signed by a CA that it trusts (unknown CA)")
  }

  @Test func `an expired client certificate is refused with its date`() throws {
    let files = try Contexts.certificates.leaf("root", validity: .expired)
    let pair = try SessionPair(client: Contexts.client(files), server: Contexts.server())
    try pair.shakeHands()
    #expect(
      pair.serverError?.description == "certificate of 10.0.0.9:50000 has expired on "
        + "2020-02-01 00:00:00 UTC; it must be renewed")
    #expect(pair.clientError?.description.contains("has expired") == true)
  }

  @Test func `a client certificate that is not yet valid is refused`() throws {
    let files = try Contexts.certificates.leaf("root", validity: .notYet)
    let pair = try SessionPair(client: Contexts.client(files), server: Contexts.server())
    try pair.shakeHands()
    #expect(
      pair.serverError?.description == "certificate of 10.0.0.9:50000 is not valid before "
        + "2099-01-01 00:00:00 UTC; are the clocks right?")
  }

  @Test(arguments: [TestCertificates.Usage.server, .email])
  func `a certificate for another purpose is no client certificate`(
    usage: TestCertificates.Usage
  ) throws {
    let files = try Contexts.certificates.leaf("root", usage: usage)
    let pair = try SessionPair(client: Contexts.client(files), server: Contexts.server())
    try pair.shakeHands()
    #expect(
      pair.serverError?.description
        == "certificate of 10.0.0.9:50000 is not meant for a client (extended key usage)")
  }

  @Test func `a client certificate with a weak key cannot be loaded`() throws {
    let files = try Contexts.certificates.leaf("weak", key: "RSA -pkeyopt rsa_keygen_bits:1024")
    #expect(throws: TLSError.self) { try Contexts.client(files) }
  }

  @Test func `a server with a certificate for clients only is refused`() throws {
    let files = try Contexts.certificates.leaf("root", usage: .client)
    let pair = try SessionPair(client: Contexts.client(), server: Contexts.server(files))
    try pair.shakeHands()
    #expect(
      pair.clientError?.description
        == "certificate of localhost:8400 is not meant for a server (extended key usage)")
  }

  @Test func `an expired server certificate is refused with its date`() throws {
    let files = try Contexts.certificates.leaf("node1", usage: .node, validity: .expired)
    let pair = try SessionPair(
      client: Contexts.client(), server: Contexts.server(files), serverName: "127.0.0.1")
    try pair.shakeHands()
    #expect(
      pair.clientError?.description == "certificate of 127.0.0.1:8400 has expired on "
        + "2020-02-01 00:00:00 UTC; it must be renewed")
  }

  @Test func `a server certificate of another CA is refused`() throws {
    let files = try Contexts.certificates.leaf("node1", usage: .node, authority: "other")
    let pair = try SessionPair(client: Contexts.client(), server: Contexts.server(files))
    try pair.shakeHands()
    #expect(pair.clientError?.description.contains("unknown CA (CN=other") == true)
    #expect(pair.server.state != .established)
  }

  @Test(arguments: ["node1", "example.org", "10.0.0.1"])
  func `a server is refused under a name that is not its own, its CN included`(
    name: String
  ) throws {
    let pair = try SessionPair(
      client: Contexts.client(), server: Contexts.server(), serverName: name)
    try pair.shakeHands()
    #expect(
      pair.clientError?.description == "certificate of \(name):8400 is not valid for that name; "
        + "use a name it was issued for, or --server-name")
  }

  @Test func `a client that offers another protocol is refused`() throws {
    let pair = try SessionPair(
      client: Contexts.client(protocols: ["http/1.1"]), server: Contexts.server())
    try pair.shakeHands()
    #expect(
      pair.serverError == .noCommonProtocol(peer: "10.0.0.9:50000", expected: "h2"))
    #expect(pair.clientError?.description.contains("ALPN") == true)
  }

  @Test func `a client that offers no protocol at all is refused`() throws {
    let pair = try SessionPair(client: Contexts.client(protocols: []), server: Contexts.server())
    try pair.shakeHands()
    #expect(
      pair.serverError?.description
        == "10.0.0.9:50000 does not offer h2 by ALPN; is it a gRPC (HTTP/2) peer?")
  }

  @Test(arguments: [UInt8(1), 2])
  func `a client below TLS 1-2 is refused with the alert that says so`(minor: UInt8) throws {
    let pair = try SessionPair(client: Contexts.client(), server: Contexts.server())
    // A ClientHello (RFC 4346 section 7.4.1.2) with one cipher suite and no extension.
    let hello = [3, minor] + [UInt8](repeating: 5, count: 32) + [0, 0, 2, 0xc0, 0x13, 1, 0]
    let message = [1, 0, 0, UInt8(hello.count)] + hello
    pair.giveServer([0x16, 3, 1, 0, UInt8(message.count)] + message)
    #expect(pair.serverError == .versionTooOld(peer: "10.0.0.9:50000"))
    #expect(pair.takePending(of: pair.server).suffix(2) == [2, 70])  // fatal, protocol_version
  }

  @Test func `plain text is answered with a sentence`() throws {
    let pair = try SessionPair(client: Contexts.client(), server: Contexts.server())
    pair.giveServer(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8))
    #expect(pair.serverError?.description.contains("TLS") == true)
    try pair.client.start()
    pair.giveClient(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
    #expect(pair.clientError == .notTLS(peer: "localhost:8400"))
    #expect(
      pair.clientError?.description
        == "localhost:8400 does not speak TLS; is it the right port?")
  }

  @Test func `a session that failed takes nothing more`() throws {
    let pair = try SessionPair(client: Contexts.client(), server: Contexts.server())
    pair.giveServer(Array("garbage that is no TLS at all".utf8))
    #expect(pair.serverError != nil)
    let byte: [UInt8] = [0x16]
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 16384, alignment: 16)
    defer { scratch.deallocate() }
    #expect(throws: TLSError.closed(peer: "10.0.0.9:50000")) {
      try byte.withUnsafeBytes { try pair.server.receive($0, scratch: scratch) { _ in } }
    }
  }
}
