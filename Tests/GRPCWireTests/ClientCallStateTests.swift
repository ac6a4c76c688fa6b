import GRPCWire
import Testing

@Suite struct ClientCallStateTests {
  private let headers = Metadata([("content-type", "application/grpc")])

  private func trailers(_ code: StatusCode) -> Metadata {
    Metadata([("content-type", "application/grpc"), ("grpc-status", "\(code.rawValue)")])
  }

  private func ended(_ inbound: ClientCallState.Inbound) -> (code: StatusCode, reset: Bool)? {
    if case .end(let status, _, let reset) = inbound { (status.code, reset) } else { nil }
  }

  /// A call whose response headers have come.
  private func started(_ shape: StreamingShape) -> ClientCallState {
    var call = ClientCallState(shape: shape)
    #expect(call.sendMessage() == true)
    #expect(call.halfClose() == true)
    #expect(call.receivedHeaders(httpStatus: 200, headers: headers, endStream: false) == .accept)
    return call
  }

  @Test func `a unary call gets headers, one message and trailers`() {
    var call = started(.unary)
    #expect(call.receivedMessage() == .accept)
    let end = ended(call.receivedHeaders(httpStatus: 0, headers: trailers(.ok), endStream: true))
    #expect(end?.code == .ok)
    #expect(end?.reset == false)
    #expect(!call.isOpen)
  }

  @Test func `trailers alone give their status`() {
    var call = ClientCallState(shape: .unary)
    let inbound = call.receivedHeaders(
      httpStatus: 200, headers: trailers(.notFound), endStream: true)
    #expect(ended(inbound)?.code == .notFound)
  }

  @Test func `a second response message, or OK without one, is INTERNAL where one is due`() {
    var two = started(.unary)
    _ = two.receivedMessage()
    #expect(ended(two.receivedMessage())?.code == .internal)
    var none = started(.clientStreaming)
    let inbound = none.receivedHeaders(httpStatus: 0, headers: trailers(.ok), endStream: true)
    #expect(ended(inbound)?.code == .internal)
  }

  @Test func `a streaming response gives any number of messages, none too`() {
    var call = started(.bidirectional)
    for _ in 0..<5 { #expect(call.receivedMessage() == .accept) }
    var none = started(.serverStreaming)
    let inbound = none.receivedHeaders(httpStatus: 0, headers: trailers(.ok), endStream: true)
    #expect(ended(inbound)?.code == .ok)
  }

  @Test func `informational headers are passed over`() {
    var call = ClientCallState(shape: .unary)
    #expect(
      call.receivedHeaders(httpStatus: 103, headers: Metadata(), endStream: false) == .accept)
    #expect(call.receivedHeaders(httpStatus: 200, headers: headers, endStream: false) == .accept)
    #expect(call.receivedMessage() == .accept)
  }

  @Test func `an HTTP error is a status, its own if it has one`() {
    var plain = ClientCallState(shape: .unary)
    let html = Metadata([("content-type", "text/html")])
    let end = ended(plain.receivedHeaders(httpStatus: 503, headers: html, endStream: false))
    #expect(end?.code == .unavailable)
    #expect(end?.reset == true)
    var own = ClientCallState(shape: .unary)
    let inbound = own.receivedHeaders(httpStatus: 500, headers: trailers(.aborted), endStream: true)
    #expect(ended(inbound)?.code == .aborted)
  }

  @Test func `another content type or encoding ends the call`() {
    var html = ClientCallState(shape: .unary)
    let type = Metadata([("content-type", "text/html")])
    #expect(
      ended(html.receivedHeaders(httpStatus: 200, headers: type, endStream: false))?.code
        == .unknown)
    var gzip = ClientCallState(shape: .unary)
    var encoded = headers
    encoded.add("grpc-encoding", "gzip")
    #expect(
      ended(gzip.receivedHeaders(httpStatus: 200, headers: encoded, endStream: false))?.code
        == .internal)
  }

  @Test func `a response that ends without trailers, or inside a message, is no success`() {
    var bare = started(.unary)
    _ = bare.receivedMessage()
    #expect(ended(bare.receivedEndWithoutTrailers(isMidMessage: false))?.code == .internal)
    var cut = started(.serverStreaming)
    let inbound = cut.receivedHeaders(
      httpStatus: 0, headers: trailers(.ok), endStream: true, isMidMessage: true)
    #expect(ended(inbound)?.code == .internal)
    var noStatus = started(.serverStreaming)
    let empty = noStatus.receivedHeaders(httpStatus: 0, headers: Metadata(), endStream: true)
    #expect(ended(empty)?.code == .unknown)
  }

  @Test func `a message before the headers is INTERNAL`() {
    var call = ClientCallState(shape: .unary)
    #expect(ended(call.receivedMessage())?.code == .internal)
  }

  @Test func `resets, a lost connection and the deadline end the call once`() {
    var reset = started(.unary)
    #expect(ended(reset.receivedReset(code: 7))?.code == .unavailable)
    #expect(reset.receivedReset(code: 7) == .ignore)
    var lost = started(.unary)
    #expect(ended(lost.lostConnection("gone"))?.code == .unavailable)
    #expect(lost.deadlinePassed() == .ignore)
    var late = started(.unary)
    let end = ended(late.deadlinePassed())
    #expect(end?.code == .deadlineExceeded)
    #expect(end?.reset == true)
    #expect(late.receivedMessage() == .ignore)
    #expect(late.receivedBadFraming(.unknownFlag(3)) == .ignore)
  }

  @Test func `nothing is sent after the end`() {
    var call = ClientCallState(shape: .bidirectional)
    #expect(call.sendMessage() == true)
    #expect(call.cancel() == true)
    #expect(call.cancel() == false)
    #expect(call.sendMessage() == false)
    #expect(call.halfClose() == false)
    var closed = ClientCallState(shape: .unary)
    #expect(closed.halfClose() == true)
    #expect(closed.halfClose() == false)
  }
}
