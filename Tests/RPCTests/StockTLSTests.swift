import RPC
import TLS
import TestSupport
import Testing

/// The port as the openssl command sees it.
@Suite(.timeLimit(.minutes(1))) struct StockTLSTests {
  /// What `openssl s_client` says of a connection to `server` with these options.
  private func connect(
    _ server: TestServer, _ options: [String], certificate: Bool = true, input: String = ""
  ) throws -> String {
    let set = try TestCertificates.shared.get()
    let files = try set.leaf("root")
    let shown = certificate ? ["-cert", files.certificate, "-key", files.key] : []
    // The lowest security level: what is too old or weak must be refused by the server.
    let result = try Subprocess.run(
      [
        "openssl", "s_client", "-connect", "127.0.0.1:\(server.server.port)", "-CAfile",
        set.authority().certificate, "-cipher", "ALL:@SECLEVEL=0",
      ] + shown + options, input: input, timeoutSeconds: 20)
    return result.output + result.errorOutput
  }

  @Test func `TLS 1-2 and 1-3 are spoken with strong ciphers and h2`() async throws {
    try await withServer { server in
      let newer = try connect(server, ["-tls1_3", "-alpn", "h2"])
      #expect(newer.contains("TLS_AES_128_GCM_SHA256"))
      #expect(newer.contains("ALPN protocol: h2"))
      let older = try connect(server, ["-tls1_2", "-alpn", "h2"])
      #expect(older.contains("Cipher is ECDHE-ECDSA-AES"))
      #expect(older.contains("Secure Renegotiation IS supported"))
      #expect(older.contains("Compression: NONE"))
      #expect(older.contains("Verify return code: 0 (ok)"))
    }
  }

  @Test func `no session is resumed`() async throws {
    try await withServer { server in
      let older = try connect(server, ["-tls1_2", "-alpn", "h2", "-reconnect"])
      #expect(older.contains("New, TLSv1.2"))
      #expect(!older.contains("Reused"))
      #expect(!older.contains("TLS session ticket:"))
    }
  }

  @Test(arguments: ["-tls1", "-tls1_1"])
  func `older versions are refused`(version: String) async throws {
    try await withServer { server in
      let text = try connect(server, [version, "-alpn", "h2"])
      #expect(text.contains("alert protocol version"))
    }
  }

  @Test func `weak ciphers are refused`() async throws {
    try await withServer { server in
      let text = try connect(
        server, ["-tls1_2", "-alpn", "h2", "-cipher", "AES128-SHA:ECDHE-ECDSA-AES128-SHA"])
      #expect(text.contains("alert handshake failure"))
    }
  }

  @Test func `renegotiation is refused`() async throws {
    try await withServer { server in
      let text = try connect(server, ["-tls1_2", "-alpn", "h2"], input: "R\n")
      #expect(text.contains("no renegotiation"))
    }
  }

  @Test(arguments: [[], ["-alpn", "http/1.1"]])
  func `without h2 by ALPN a client is refused`(options: [String]) async throws {
    try await withServer { server in
      let text = try connect(server, options)
      #expect(text.contains("alert no application protocol"))
    }
  }

  @Test(arguments: ["-tls1_2", "-tls1_3"])
  func `without a certificate a client is refused`(version: String) async throws {
    try await withServer { server in
      // In TLS 1.3 the refusal comes after the client has done its part: wait for it.
      let options = [version, "-alpn", "h2", "-ign_eof"]
      let text = try connect(server, options, certificate: false)
      #expect(text.contains("alert handshake failure") || text.contains("certificate required"))
    }
  }
}
