import GRPCWire
import Testing

@Suite struct ServerCallStateTests {
  private func code(_ inbound: ServerCallState.Inbound) -> StatusCode? {
    if case .fail(let status) = inbound { status.code } else { nil }
  }

  @Test func `a unary call takes one message and its end, and gives one and a status`() {
    var call = ServerCallState(shape: .unary)
    #expect(call.receivedMessage() == .deliver)
    #expect(call.receivedHalfClose(isMidMessage: false) == .deliver)
    #expect(call.sendMessage() == .headersAndMessage)
    #expect(call.finish(.ok) == .trailers(.ok))
    #expect(!call.isOpen)
  }

  @Test(arguments: [StreamingShape.unary, .serverStreaming])
  func `a second or no request message is INTERNAL where one is due`(shape: StreamingShape) {
    var two = ServerCallState(shape: shape)
    _ = two.receivedMessage()
    #expect(code(two.receivedMessage()) == .internal)
    var none = ServerCallState(shape: shape)
    #expect(code(none.receivedHalfClose(isMidMessage: false)) == .internal)
  }

  @Test(arguments: [StreamingShape.clientStreaming, .bidirectional])
  func `a streaming request takes any number of messages, none too`(shape: StreamingShape) {
    var call = ServerCallState(shape: shape)
    for _ in 0..<5 { #expect(call.receivedMessage() == .deliver) }
    #expect(call.receivedHalfClose(isMidMessage: false) == .deliver)
    var none = ServerCallState(shape: shape)
    #expect(none.receivedHalfClose(isMidMessage: false) == .deliver)
  }

  @Test func `a request that ends inside a message is INTERNAL`() {
    var call = ServerCallState(shape: .bidirectional)
    #expect(code(call.receivedHalfClose(isMidMessage: true)) == .internal)
  }

  @Test func `a message after the end is INTERNAL, a second end is nothing`() {
    var call = ServerCallState(shape: .bidirectional)
    _ = call.receivedHalfClose(isMidMessage: false)
    #expect(code(call.receivedMessage()) == .internal)
    #expect(call.receivedHalfClose(isMidMessage: false) == .ignore)
  }

  @Test func `bad framing ends the call with its status`() {
    var call = ServerCallState(shape: .unary)
    #expect(code(call.receivedBadFraming(.unknownFlag(7))) == .internal)
    #expect(
      code(call.receivedBadFraming(.messageTooLarge(size: 9, limit: 8))) == .resourceExhausted)
  }

  @Test func `an error before any message is told by trailers alone`() {
    var call = ServerCallState(shape: .unary)
    _ = call.receivedMessage()
    _ = call.receivedHalfClose(isMidMessage: false)
    let status = Status(.notFound, "no")
    #expect(call.finish(status) == .trailersOnly(status))
  }

  @Test func `an end may come before the client's`() {
    var early = ServerCallState(shape: .bidirectional)
    #expect(early.sendMessage() == .headersAndMessage)
    #expect(early.sendMessage() == .message)
    #expect(early.finish(.ok) == .trailers(.ok))
  }

  @Test func `OK without the one response due becomes INTERNAL`() {
    var call = ServerCallState(shape: .unary)
    guard case .trailersOnly(let status) = call.finish(.ok) else {
      Issue.record("no trailers")
      return
    }
    #expect(status.code == .internal)
    var stream = ServerCallState(shape: .serverStreaming)
    #expect(stream.finish(.ok) == .trailersOnly(.ok))
  }

  @Test func `nothing comes or goes after the end`() {
    var call = ServerCallState(shape: .bidirectional)
    _ = call.finish(.ok)
    #expect(call.receivedMessage() == .ignore)
    #expect(call.receivedHalfClose(isMidMessage: true) == .ignore)
    #expect(call.receivedBadFraming(.unknownFlag(2)) == .ignore)
    #expect(call.receivedReset() == .ignore)
    #expect(call.sendMessage() == .ignore)
    #expect(call.finish(.ok) == .ignore)
  }

  @Test func `a reset is told once, and nothing can be sent after it`() {
    var call = ServerCallState(shape: .unary)
    #expect(call.receivedReset() == .deliver)
    #expect(call.receivedReset() == .ignore)
    #expect(call.finish(.ok) == .ignore)
  }
}
