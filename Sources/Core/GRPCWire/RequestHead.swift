/// The headers of a request that gRPC itself gives a meaning to.
///
/// A missing `te: trailers` is let pass, as most servers do: it only told of proxies that lose trailers.
package struct RequestHead: Equatable, Sendable {
  package var method = ""
  package var path = ""
  package var contentType: String?
  package var encoding: String?
  package var timeout: String?

  package init() {}

  package init(
    method: String, path: String, contentType: String?, encoding: String? = nil,
    timeout: String? = nil
  ) {
    self.method = method
    self.path = path
    self.contentType = contentType
    self.encoding = encoding
    self.timeout = timeout
  }

  /// What a server does with a request.
  package enum Verdict: Equatable, Sendable {
    /// Start the call; nil is no deadline.
    case accept(timeout: Duration?)
    /// Answer with this HTTP status and end: the request is not gRPC.
    case refuseHTTP(status: Int)
    /// Answer with trailers only, these headers among them.
    case refuse(Status, headers: Metadata)
  }

  /// Judges the request, the most basic mistake first.
  ///
  /// - Parameter isKnown: whether some method has this path.
  /// - Parameter metadata: every other header; "-bin" ones must be base64.
  package func verdict(isKnown: Bool, metadata: Metadata = Metadata()) -> Verdict {
    guard method == "POST" else { return .refuseHTTP(status: 405) }
    guard let contentType, Self.isGRPC(contentType) else { return .refuseHTTP(status: 415) }
    guard isKnown else {
      return .refuse(Status(.unimplemented, "there is no method \(path)"), headers: Metadata())
    }
    // A credential that nobody checks must not look as if it had been.
    if metadata.entries.contains(where: { $0.name == "authorization" }) {
      let status = Status(
        .unauthenticated, "this server takes no tokens; leave the authorization header out",
        reason: "TOKEN_INVALID")
      return .refuse(status, headers: Metadata())
    }
    if let encoding, encoding != "identity" {
      return .refuse(
        Status(.unimplemented, "grpc-encoding \(encoding) is not supported"),
        headers: Metadata([("grpc-accept-encoding", "identity")]))
    }
    for entry in metadata.entries where entry.name.hasSuffix("-bin") {
      // Each by itself: a request may have one name hundreds of times.
      guard Metadata.binaryValues(joined: entry.value) != nil else {
        return .refuse(
          Status(.internal, "the value of \(entry.name) is not base64"), headers: Metadata())
      }
    }
    guard let timeout else { return .accept(timeout: nil) }
    guard let duration = GRPCTimeout.parse(timeout) else {
      return .refuse(
        Status(.internal, "grpc-timeout \"\(timeout)\" is malformed"), headers: Metadata())
    }
    return .accept(timeout: duration)
  }

  /// "application/grpc", alone or with "+proto" or parameters. Other message formats are refused.
  package static func isGRPC(_ contentType: String) -> Bool {
    // What nearly every client sends.
    if contentType == "application/grpc" || contentType == "application/grpc+proto" { return true }
    let type = contentType.split(separator: ";", omittingEmptySubsequences: false).first ?? ""
    return switch type.trimmingSpaces().lowercased() {
    case "application/grpc", "application/grpc+proto": true
    default: false
    }
  }
}
