import GRPCWire
import Testing

@Suite struct RequestHeadTests {
  private func head(
    _ method: String = "POST", type: String? = "application/grpc", encoding: String? = nil,
    timeout: String? = nil
  ) -> RequestHead {
    RequestHead(
      method: method, path: "/a.B/C", contentType: type, encoding: encoding, timeout: timeout)
  }

  @Test(arguments: [
    "application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8",
    "application/grpc+proto; a=b", "Application/GRPC", "application/grpc ;x=y",
  ])
  func `a gRPC content type is taken`(type: String) {
    #expect(head(type: type).verdict(isKnown: true) == .accept(timeout: nil))
  }

  @Test(arguments: [
    nil, "", "text/html", "application/json", "application/grpc-web", "application/grpc+json",
    "application/grpcx", "xapplication/grpc", ";application/grpc",
  ])
  func `another content type is HTTP 415`(type: String?) {
    #expect(head(type: type).verdict(isKnown: true) == .refuseHTTP(status: 415))
  }

  @Test(arguments: ["GET", "PUT", "post", "HEAD", "", "CONNECT"])
  func `another method is HTTP 405`(method: String) {
    #expect(head(method).verdict(isKnown: true) == .refuseHTTP(status: 405))
  }

  @Test func `an unknown path is UNIMPLEMENTED`() {
    guard case .refuse(let status, let headers) = head().verdict(isKnown: false) else {
      Issue.record("not refused")
      return
    }
    #expect(status.code == .unimplemented)
    #expect(headers.isEmpty)
  }

  @Test func `an unknown encoding is UNIMPLEMENTED, with the list of what is known`() {
    guard case .refuse(let status, let headers) = head(encoding: "gzip").verdict(isKnown: true)
    else {
      Issue.record("not refused")
      return
    }
    #expect(status.code == .unimplemented)
    #expect(headers["grpc-accept-encoding"] == "identity")
    #expect(head(encoding: "identity").verdict(isKnown: true) == .accept(timeout: nil))
  }

  @Test func `a timeout is read; a malformed one is INTERNAL`() {
    #expect(head(timeout: "5S").verdict(isKnown: true) == .accept(timeout: .seconds(5)))
    guard case .refuse(let status, _) = head(timeout: "5x").verdict(isKnown: true) else {
      Issue.record("not refused")
      return
    }
    #expect(status.code == .internal)
  }

  @Test func `binary metadata that is not base64 is INTERNAL`() {
    let bad = Metadata([("trace-bin", "!!")])
    guard case .refuse(let status, _) = head().verdict(isKnown: true, metadata: bad) else {
      Issue.record("not refused")
      return
    }
    #expect(status.code == .internal)
    let good = Metadata([("trace-bin", "AQI"), ("other", "!!")])
    #expect(head().verdict(isKnown: true, metadata: good) == .accept(timeout: nil))
  }

  @Test(.timeLimit(.minutes(1)))
  func `one binary header sent thousands of times is judged in one pass`() {
    let many = Metadata([(String, String)](repeating: ("trace-bin", "AQI"), count: 20_000))
    #expect(head().verdict(isKnown: true, metadata: many) == .accept(timeout: nil))
  }
}
