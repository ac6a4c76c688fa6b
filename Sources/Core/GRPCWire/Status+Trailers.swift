extension Status {
  /// The most bytes of `grpc-message` and of the details. Clients refuse the whole response when
  /// its headers are over their limit, 8 KiB in the most used one.
  package static let maxMessageBytes = 1024
  package static let maxDetailsBytes = 3072

  /// The trailers that carry this status: a message that is too long is cut, details that are too
  /// long are left out.
  package func trailers() -> Metadata {
    var trailers = Metadata()
    trailers.add("grpc-status", "\(code.rawValue)")
    if !message.isEmpty {
      trailers.add("grpc-message", PercentEncoding.encode(message, limit: Self.maxMessageBytes))
    }
    if !details.isEmpty, details.count <= Self.maxDetailsBytes {
      trailers.add("grpc-status-details-bin", bytes: details)
    }
    return trailers
  }

  /// The status in a response's trailers; nil when there is no `grpc-status`.
  ///
  /// One that is not a number counts as UNKNOWN, details that are not base64 as absent.
  package init?(trailers: Metadata) {
    guard let text = trailers["grpc-status"] else { return nil }
    guard let number = UInt32(text) else {
      self.init(.unknown, "the peer sent grpc-status \"\(text)\"")
      return
    }
    self.init(
      StatusCode(rawValue: number), PercentEncoding.decode(trailers["grpc-message"] ?? ""),
      details: trailers.binaryValues("grpc-status-details-bin")?.first ?? [])
  }

  /// What an HTTP answer that is not gRPC comes to (gRPC "HTTP to gRPC Status Code Mapping").
  package init(httpStatus: Int) {
    let code: StatusCode =
      switch httpStatus {
      case 400: .internal
      case 401: .unauthenticated
      case 403: .permissionDenied
      case 404: .unimplemented
      case 429, 502, 503, 504: .unavailable
      default: .unknown
      }
    self.init(code, "the peer answered with HTTP status \(httpStatus) and no grpc-status")
  }

  /// What a stream reset comes to (gRPC over HTTP/2, "Errors"); codes of RFC 9113 section 7.
  package init(resetCode: UInt32) {
    let (code, name): (StatusCode, String) =
      switch resetCode {
      case 0x7: (.unavailable, "REFUSED_STREAM")
      case 0x8: (.cancelled, "CANCEL")
      case 0xB: (.resourceExhausted, "ENHANCE_YOUR_CALM")
      case 0xC: (.permissionDenied, "INADEQUATE_SECURITY")
      default: (.internal, "code \(resetCode)")
      }
    self.init(code, "the peer reset the stream: \(name)")
  }
}
