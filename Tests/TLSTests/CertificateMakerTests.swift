import TLS
import TestSupport
import Testing

@Suite struct CertificateMakerTests {
  private let folder: TemporaryFolder
  private let maker: CertificateMaker

  init() throws {
    folder = try TemporaryFolder()
    maker = try CertificateMaker()
    try save("ca", maker.authority)
    try save("node1", maker.make("node1", .node))
    try save("root", maker.make("root", .client))
  }

  private func save(_ name: String, _ pair: CertificateMaker.Pair) throws {
    _ = try folder.write(pair.certificate, to: "\(name).pem")
    _ = try folder.write(pair.key, to: "\(name)-key.pem")
  }

  private func details(_ name: String) throws -> CertificateDetails {
    try CertificateFile(folder.file("\(name).pem")).details
  }

  @Test func `a node and a client of one authority trust each other`() throws {
    let server = try TLSContext.server(
      certificate: folder.file("node1.pem"), key: folder.file("node1-key.pem"),
      ca: folder.file("ca.pem"))
    let client = try TLSContext.client(
      ca: folder.file("ca.pem"), certificate: folder.file("root.pem"),
      key: folder.file("root-key.pem"))
    for host in ["localhost", "127.0.0.1", "::1"] {
      let pair = try SessionPair(client: client, server: server, serverName: host)
      try pair.shakeHands()
      #expect(pair.server.peerIdentity?.commonName == "root")
      #expect(pair.client.peerIdentity?.commonName == "node1")
    }
  }

  @Test func `each is what it is for, and no more`() throws {
    let (ca, node, root) = try (details("ca"), details("node1"), details("root"))
    #expect(ca.isAuthority && !node.isAuthority && !root.isAuthority)
    #expect(node.isForServers && node.isForClients)
    #expect(!root.isForServers && root.isForClients)
    #expect([ca, node, root].allSatisfy { $0.securityBits == 128 })
    #expect(Set([ca, node, root].map(\.identity.serialNumber)).count == 3)
  }

  /// The strictest judge at hand: OpenSSL's own command with all checks of RFC 5280.
  @Test func `openssl finds nothing to complain of`() throws {
    for (name, purpose) in [("node1", "sslserver"), ("node1", "sslclient"), ("root", "sslclient")] {
      let said = try Subprocess.check(
        [
          "openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", "ca.pem",
          "\(name).pem",
        ],
        in: folder.path)
      #expect(said == "\(name).pem: OK\n")
    }
  }

  @Test func `an authority that is kept signs as before`() throws {
    try save("late", CertificateMaker(authority: maker.authority).make("late", .client))
    let late = try CertificateFile(folder.file("late.pem"))
    #expect(try late.refusal(by: folder.file("ca.pem"), asServer: false) == nil)
    #expect(try late.refusal(by: folder.file("root.pem"), asServer: false) != nil)
  }

  @Test func `what is no authority, and a name that is too long, are refused`() throws {
    let wrong = CertificateMaker(authority: .init(certificate: "x", key: maker.authority.key))
    #expect(throws: TLSError.self) { try wrong.make("a", .client) }
    #expect(throws: TLSError.self) { try maker.make(String(repeating: "a", count: 65), .client) }
  }
}
