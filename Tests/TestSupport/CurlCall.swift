/// One gRPC call made by curl: any HTTP/2 client can do it.
package struct CurlCall: Sendable {
  /// The response's headers and trailers, then what curl said of an error.
  package let text: String
  package let body: String

  package var isOK: Bool { text.contains("grpc-status: 0") }

  /// - Parameters:
  ///   - credentials: curl's options that name the CA, certificate and key.
  ///   - message: the protobuf bytes, all below 128.
  package static func make(
    _ method: String, of address: String, credentials: [String], message: String = ""
  ) async throws -> CurlCall {
    try await blocking {
      let folder = try TemporaryFolder()
      let length = message.utf8.count
      precondition(length < 128 && message.utf8.allSatisfy { $0 < 128 }, "too much for this helper")
      let prefix = "\0\0\0\0" + String(UnicodeScalar(UInt8(length)))
      try folder.write(prefix + message, to: "request")
      try folder.write("", to: "response")
      let result = try Subprocess.run(
        [
          "curl", "--silent", "--show-error", "--http2", "--max-time", "10", "--noproxy", "*",
          "--header", "content-type: application/grpc", "--header", "te: trailers",
          "--data-binary", "@" + folder.file("request"), "--dump-header", "-",
          "--output", folder.file("response"),
        ] + credentials + ["https://\(address)\(method)"], timeoutSeconds: 15)
      let body = try Subprocess.check(["cat", folder.file("response")])
      return CurlCall(text: result.output + result.errorOutput, body: body)
    }
  }

  /// What makes curl show this certificate.
  package static func credentials(ca: String, certificate: String, key: String) -> [String] {
    ["--cacert", ca, "--cert", certificate, "--key", key]
  }
}
