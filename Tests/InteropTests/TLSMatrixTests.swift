import TestSupport
import Testing

extension Interop {
  /// Peers that must not get in. After each, a fresh valid call works, and the log names the reason.
  @Suite struct TLSMatrixTests {
    /// One kind of peer, and what is said to it and of it.
    struct Row: Sendable, CustomStringConvertible {
      var description: String
      var certificate: Peer
      var options: [String] = []
      /// One of these words stands in what openssl prints.
      var alert: [String]
      /// All of these stand in one line of the server's log.
      var reason: [String]
    }

    enum Peer: Sendable {
      case none, valid, otherAuthority, selfSigned, expired, notYetValid, serverOnly
    }

    static let rows: [Row] =
      both(
        Row(
          description: "no certificate", certificate: .none,
          alert: ["certificate required", "handshake failure", "unexpected eof"],
          reason: ["no certificate"]),
        Row(
          description: "another CA", certificate: .otherAuthority,
          alert: ["unknown ca", "decrypt error", "bad certificate"], reason: ["CA"]),
        Row(
          description: "self-signed", certificate: .selfSigned,
          alert: ["unknown ca", "bad certificate"], reason: ["not signed by the CA"]),
        Row(
          description: "expired", certificate: .expired, alert: ["certificate expired"],
          reason: ["has expired"]),
        Row(
          description: "not yet valid", certificate: .notYetValid,
          alert: ["bad certificate", "certificate expired"], reason: ["not valid before"]),
        Row(
          description: "a certificate for servers only", certificate: .serverOnly,
          alert: ["unsupported certificate", "certificate unknown"], reason: ["not meant for"]),
        Row(
          description: "no ALPN", certificate: .valid, options: ["-alpn", ""],
          alert: ["no application protocol", "application protocol"], reason: ["ALPN"]),
        Row(
          description: "HTTP/1.1 only", certificate: .valid, options: ["-alpn", "http/1.1"],
          alert: ["no application protocol", "application protocol"], reason: ["ALPN"])
      ) + [
        Row(
          description: "TLS 1.1", certificate: .valid,
          options: ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], alert: ["protocol version"],
          reason: ["TLS version"]),
        Row(
          description: "TLS 1.0", certificate: .valid,
          options: ["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"], alert: ["protocol version"],
          reason: ["TLS version"]),
      ]

    /// The rows with TLS 1.2 and with TLS 1.3: a client certificate is judged at other moments.
    private static func both(_ rows: Row...) -> [Row] {
      rows.flatMap { row in
        ["-tls1_2", "-tls1_3"].map { version in
          var row = row
          row.description += " (\(version.dropFirst(4).replacing("_", with: ".")))"
          row.options.append(version)
          return row
        }
      }
    }

    /// A server whose CA the tests can sign with.
    private final class Fixture: Sendable {
      let server: ServerProcess
      let certificates: TestCertificates
      let root: TestCertificates.Files
      let ca: String

      init() throws {
        certificates = try TestCertificates.shared.get()
        ca = try certificates.authority().certificate
        let node = try certificates.leaf("node1", usage: .node)
        root = try certificates.leaf("root")
        server = try ServerProcess([
          "--tls-ca": ca, "--tls-cert": node.certificate, "--tls-key": node.key,
        ])
        try server.start()
      }

      func files(_ peer: Peer, _ scratch: TemporaryFolder) throws -> TestCertificates.Files? {
        switch peer {
        case .none: nil
        case .valid: root
        case .otherAuthority: try certificates.leaf("root", authority: "other")
        case .expired: try certificates.leaf("root", validity: .expired)
        case .notYetValid: try certificates.leaf("root", validity: .notYet)
        case .serverOnly: try certificates.leaf("root", usage: .server)
        case .selfSigned: try selfSigned(scratch)
        }
      }

      private func selfSigned(_ scratch: TemporaryFolder) throws -> TestCertificates.Files {
        let files = TestCertificates.Files(
          certificate: scratch.file("own.pem"), key: scratch.file("own-key.pem"))
        try Subprocess.check([
          "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
          "-nodes", "-subj", "/CN=root", "-days", "30", "-addext", "extendedKeyUsage=clientAuth",
          "-keyout", files.key, "-out", files.certificate,
        ])
        return files
      }

      /// openssl's words; it waits until the server ends the connection, with no input of its own.
      func connect(_ row: Row) throws -> String {
        let scratch = try TemporaryFolder()
        var command = [
          "openssl", "s_client", "-connect", server.address, "-CAfile", ca, "-ign_eof",
        ]
        if let files = try files(row.certificate, scratch) {
          command += ["-cert", files.certificate, "-key", files.key]
        }
        if !row.options.contains("-alpn") { command += ["-alpn", "h2"] }
        var options = row.options
        if let place = options.firstIndex(of: ""), place > 0 {
          options.removeSubrange(place - 1...place)
        }
        let result = try Subprocess.run(command + options, timeoutSeconds: 10)
        return result.output + result.errorOutput
      }

      func validCall() async throws -> CurlCall {
        try await CurlCall.make(
          "/log.v1.Log/GetServers", of: server.address,
          credentials: CurlCall.credentials(
            ca: ca, certificate: root.certificate, key: root.key))
      }
    }

    @Test func `each peer that must not get in is refused, and why stands in the log`() async throws
    {
      let fixture = try await blocking { try Fixture() }
      try #require(try await fixture.validCall().isOK)
      for row in Self.rows {
        let before = fixture.server.log.utf8.count
        var line: String?
        // Again when the line was folded: only so many refusals a second are told one by one.
        for _ in 0..<3 where line == nil {
          let said = try await blocking { try fixture.connect(row) }
          #expect(
            row.alert.contains { said.lowercased().contains($0) }, "\(row): \(said.suffix(800))")
          line = try await fixture.server.logLine(containing: row.reason, after: before)
        }
        let log = fixture.server.log.utf8.dropFirst(before)
        #expect(line != nil, "\(row): the log says \(String(Substring(log)))")
        let call = try await fixture.validCall()
        #expect(call.isOK, "a valid call after \(row): \(call.text)")
      }
      #expect(try await blocking { try fixture.server.terminate() } == 0)
    }

    @Test func `plain text on the port is refused, and why stands in the log`() async throws {
      let fixture = try await blocking { try Fixture() }
      for version in ["--http1.1", "--http2-prior-knowledge"] {
        let before = fixture.server.log.utf8.count
        let address = fixture.server.address
        let result = try await blocking {
          try Subprocess.run(
            [
              "curl", "--silent", "--noproxy", "*", "--max-time", "5", version,
              "http://\(address)/",
            ],
            timeoutSeconds: 10)
        }
        #expect(result.status != 0 || !result.output.contains("grpc"), "\(version)")
        #expect(result.status != 28, "\(version): the server kept the connection open")
        let line = try await fixture.server.logLine(containing: ["TLS"], after: before)
        #expect(line != nil, "\(version): the log says \(fixture.server.log)")
        #expect(try await fixture.validCall().isOK)
      }
      #expect(try await blocking { try fixture.server.terminate() } == 0)
    }

    @Test func `valid peers get in with both versions`() async throws {
      let fixture = try await blocking { try Fixture() }
      for version in ["1.2", "1.3"] {
        let call = try await CurlCall.make(
          "/log.v1.Log/GetServers", of: fixture.server.address,
          credentials: CurlCall.credentials(
            ca: fixture.ca, certificate: fixture.root.certificate, key: fixture.root.key)
            + ["--tlsv\(version)", "--tls-max", version])
        #expect(call.isOK, "TLS \(version): \(call.text)")
      }
      #expect(try await blocking { try fixture.server.terminate() } == 0)
    }
  }
}
