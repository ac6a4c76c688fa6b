import TestSupport
import Testing

extension Interop {
  /// Commands that everybody has, with gRPC's five bytes put in front by hand.
  @Suite struct CommandTests {
    /// ProduceRequest{record{value: "from a command"}}
    private let produce = "\u{0a}\u{10}\u{0a}\u{0e}from a command"
    /// ConsumeRequest{start: START_EARLIEST}
    private let consume = "\u{48}\u{01}"

    @Test func `curl with the made configuration produces and consumes`() async throws {
      let server = try await ServerProcess.started()
      let credentials = ["--config", server.certificates + "/curl.conf"]
      let produced = try await CurlCall.make(
        "/log.v1.Log/Produce", of: server.address, credentials: credentials, message: produce)
      #expect(produced.isOK, "\(produced.text)")
      #expect(produced.text.contains("HTTP/2 200"))
      #expect(produced.text.contains("content-type: application/grpc"))
      let consumed = try await CurlCall.make(
        "/log.v1.Log/Consume", of: server.address, credentials: credentials, message: consume)
      #expect(consumed.isOK, "\(consumed.text)")
      #expect(consumed.body.contains("from a command"))
      let denied = try await CurlCall.make(
        "/log.v1.Log/Consume", of: server.address,
        credentials: CurlCall.credentials(
          ca: server.certificates + "/ca.pem", certificate: server.certificates + "/nobody.pem",
          key: server.certificates + "/nobody-key.pem"), message: consume)
      #expect(denied.text.contains("grpc-status: 7"), "\(denied.text)")
      #expect(denied.text.contains("nobody not permitted to consume to default"))
      #expect(try await blocking { try server.terminate() } == 0)
    }

    @Test func `nghttp produces and consumes`() async throws {
      let server = try await ServerProcess.started()
      let produced = try await nghttp(server, "/log.v1.Log/Produce", produce)
      #expect(produced.contains("grpc-status: 0"), "\(produced)")
      let consumed = try await nghttp(server, "/log.v1.Log/Consume", consume)
      #expect(consumed.contains("grpc-status: 0"), "\(consumed)")
      #expect(consumed.contains("from a command"), "\(consumed)")
      #expect(try await blocking { try server.terminate() } == 0)
    }

    private func nghttp(
      _ server: ServerProcess, _ method: String, _ message: String
    ) async throws -> String {
      let address = server.address
      let certificates = server.certificates
      return try await blocking {
        let folder = try TemporaryFolder()
        let length = String(UnicodeScalar(UInt8(message.utf8.count)))
        try folder.write("\0\0\0\0" + length + message, to: "request")
        return try Subprocess.check(
          [
            "nghttp", "--verbose", "--no-verify-peer", "--data", folder.file("request"),
            "--header", "content-type: application/grpc", "--header", "te: trailers",
            "--cert", certificates + "/root.pem", "--key", certificates + "/root-key.pem",
            "https://\(address)\(method)",
          ], timeoutSeconds: 15)
      }
    }
  }
}
