import TLS
import TestSupport
import Testing

/// `scripts/certs.sh`, which `make certs` runs.
@Suite struct CertificateScriptTests {
  private let folder: TemporaryFolder
  private let script: String

  init() throws {
    folder = try TemporaryFolder()
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    script = "/\(root)/scripts/certs.sh"
    try run()
  }

  @discardableResult
  private func run() throws -> String { try Subprocess.check([script, folder.path]) }

  private func sums() throws -> String {
    try Subprocess.check(["sh", "-c", "sha256sum *; stat -c '%n %a %Y' *"], in: folder.path)
  }

  private func context(_ name: String) throws -> TLSContext {
    try TLSContext.client(
      ca: folder.file("ca.pem"), certificate: folder.file("\(name).pem"),
      key: folder.file("\(name)-key.pem"))
  }

  @Test func `nodes and clients of the set trust each other`() throws {
    let server = try TLSContext.server(
      certificate: folder.file("node1.pem"), key: folder.file("node1-key.pem"),
      ca: folder.file("ca.pem"))
    for (name, host) in [("root", "localhost"), ("nobody", "127.0.0.1"), ("node2", "::1")] {
      let pair = try SessionPair(client: context(name), server: server, serverName: host)
      try pair.shakeHands()
      #expect(pair.server.peerIdentity?.commonName == name)
      #expect(pair.client.peerIdentity?.commonName == "node1")
    }
  }

  @Test func `a second run changes nothing`() throws {
    let before = try sums()
    #expect(try run().isEmpty)
    #expect(try sums() == before)
    #expect(before.contains("ca-key.pem 600"))
  }

  @Test func `only what is about to expire is renewed`() throws {
    try Subprocess.check(
      [
        "sh", "-c",
        """
        openssl req -new -key root-key.pem -subj /CN=root -out r.csr &&
        openssl x509 -req -in r.csr -CA ca.pem -CAkey ca-key.pem -days 3 -out root.pem && rm r.csr
        """,
      ], in: folder.path)
    #expect(try run() == "certs: made root.pem and root-key.pem\n")
  }

  @Test func `what another CA signed, or another key belongs to, is renewed`() throws {
    let other = try TestCertificates.shared.get().leaf("root", authority: "other")
    try Subprocess.check(["cp", other.certificate, folder.file("root.pem")])
    try Subprocess.check(["cp", folder.file("node1-key.pem"), folder.file("node2-key.pem")])
    let made = try run()
    #expect(
      made
        == "certs: made node2.pem and node2-key.pem\ncerts: made root.pem and root-key.pem\n")
    #expect(try context("root").certificate?.issuer.contains("development CA") == true)
  }

  @Test func `with a new CA everything is renewed`() throws {
    try Subprocess.check(["rm", folder.file("ca-key.pem")])
    #expect(try run().split(separator: "\n").count == 6)
  }
}
