import GRPCWire
import HTTP2
import NIOCore

extension ServerConnection: HTTP2SessionDelegate {
  func received(
    _ block: borrowing HTTP2HeaderBlock, _ kind: HTTP2HeaderKind, on stream: HTTP2Stream,
    endStream: Bool
  ) {
    if kind == .request {
      startCall(RequestFields(block, loop.router), block, on: stream)
    }
    if endStream { receivedEnd(on: stream) }
  }

  func received(_ chunk: UnsafeRawBufferPointer, on stream: HTTP2Stream) {
    guard let pointer = stream.context else { return }
    Unmanaged<ServerCall>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.received(chunk) }
  }

  func receivedEnd(on stream: HTTP2Stream) {
    guard let pointer = stream.context else { return }
    Unmanaged<ServerCall>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.receivedEnd() }
  }

  func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    if session?.streamCount == 1 {
      idleSince = readAt
      closeWhenDrained(leaving: 1)
    }
    guard let pointer = stream.context else { return }
    stream.context = nil
    var call = Unmanaged<ServerCall>.fromOpaque(pointer).takeRetainedValue()
    call.closed(.cancelled)
    if spareCalls.count < Self.maxSpareCalls, isKnownUniquelyReferenced(&call) {
      spareCalls.append(call)
    }
  }

  func receivedPingAcknowledgement(_ payload: UInt64) {
    if case .announced = drainState { refuseNewCalls() }
  }

  func receivedGoAway(lastStreamID: Int32, _ code: HTTP2ErrorCode, debug: String) {}

  func receivedSettings() { hasSettings = true }

  // MARK: - Starting a call

  private func startCall(
    _ fields: RequestFields, _ block: borrowing HTTP2HeaderBlock, on stream: HTTP2Stream
  ) {
    guard !block.isTooLarge else {
      let limit = loop.configuration.http2.maxHeaderListSize
      let status = Status(
        .resourceExhausted, "the headers take more than \(limit) bytes",
        reason: "MESSAGE_TOO_LARGE", metadata: [("limit", "\(limit)")])
      return refuse(loop.headers.trailersOnly(status), stream)
    }
    guard let route = fields.route, fields.isPlain else {
      return startUnusualCall(fields, block, on: stream)
    }
    start(route, timeout: fields.timeout, metadata: nil, on: stream)
  }

  /// Judges a request that has more than the usual headers.
  private func startUnusualCall(
    _ fields: RequestFields, _ block: borrowing HTTP2HeaderBlock, on stream: HTTP2Stream
  ) {
    let (head, metadata) = fields.full(block)
    switch head.verdict(isKnown: fields.route != nil, metadata: metadata) {
    case .refuseHTTP(let status): refuse(loop.headers.http(status: status), stream)
    case .refuse(let status, let extra):
      refuse(loop.headers.trailersOnly(status, extra: extra), stream)
    case .accept(let timeout):
      guard let route = fields.route else { return }
      start(route, timeout: timeout, metadata: metadata, on: stream)
    }
  }

  private func refuse(_ headers: HTTP2HeaderList, _ stream: HTTP2Stream) {
    session?.respond(headers, endStream: true, on: stream)
  }

  private func start(
    _ route: ServiceRouter.Route, timeout: Duration?, metadata: Metadata?, on stream: HTTP2Stream
  ) {
    if let timeout, timeout <= .zero {
      let status = Status(.deadlineExceeded, "the deadline had passed when the call came")
      return refuse(loop.headers.trailersOnly(status), stream)
    }
    let call = makeCall(route, on: stream)
    if let metadata { call.metadata = metadata }
    stream.context = Unmanaged.passRetained(call).toOpaque()
    if let timeout {
      call.deadline = Self.deadline(readAt, timeout)
      armDeadline(call.deadline)
    }
    let handler = route.method.start(call)
    if call.isOpen { call.handler = handler }
  }

  private static let maxSpareCalls = 32

  private func makeCall(_ route: ServiceRouter.Route, on stream: HTTP2Stream) -> ServerCall {
    guard let call = spareCalls.popLast() else {
      return ServerCall(route, on: stream, of: self)
    }
    call.reuse(route, on: stream, of: self)
    return call
  }

  /// Saturates: `99999999H` is some 11,400 years.
  private static func deadline(_ now: NIODeadline, _ timeout: Duration) -> NIODeadline {
    let (seconds, attoseconds) = timeout.components
    guard seconds < 1 << 32 else { return .distantFuture }
    return now + .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }
}
