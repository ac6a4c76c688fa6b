package import GRPCWire

/// One rpc that a server offers.
package struct RPCMethod: Sendable {
  /// `/package.Service/Method`.
  package let path: String
  package let shape: StreamingShape
  /// The most bytes of one request message; nil is the server's limit.
  package let maxMessageBytes: Int?
  /// Makes the handler of a call when its headers are in, on the connection's event loop. It may
  /// already finish the call.
  package let start: @Sendable (ServerCall) -> any ServerCallHandler

  package init(
    path: String, shape: StreamingShape, maxMessageBytes: Int? = nil,
    start: @escaping @Sendable (ServerCall) -> any ServerCallHandler
  ) {
    self.path = path
    self.shape = shape
    self.maxMessageBytes = maxMessageBytes
    self.start = start
  }
}

/// What answers one call; everything is called on the connection's event loop.
package protocol ServerCallHandler: AnyObject {
  /// One whole message; the bytes are valid until return.
  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall)
  /// The client half-closed: no further message.
  func receiveEnd(on call: ServerCall)
  /// All that was sent has been taken by HTTP/2: send more, if there is more. Not called while a
  /// client does not take what it has.
  func readyToSend(on call: ServerCall)
  /// The call ended otherwise than by this handler's `finish`: release everything, nothing can be
  /// sent any more and the client has its answer.
  func ended(_ reason: CallEnd, on call: ServerCall)
  /// What to answer when the deadline passes.
  func statusAtDeadline(on call: ServerCall) -> Status
  /// What to answer when the server stops and does not wait for this call any longer.
  func statusWhenStopping(on call: ServerCall) -> Status
}

extension ServerCallHandler {
  package func receiveEnd(on call: ServerCall) {}
  package func readyToSend(on call: ServerCall) {}
  package func ended(_ reason: CallEnd, on call: ServerCall) {}
  package func statusAtDeadline(on call: ServerCall) -> Status {
    Status(.deadlineExceeded, "the deadline passed")
  }
  package func statusWhenStopping(on call: ServerCall) -> Status { .stopping }
}

/// Why a call ended without its handler finishing it.
package enum CallEnd: Equatable, Sendable {
  /// The client reset the stream.
  case cancelled
  case connectionLost
  case deadline
  /// The server stops and did not wait longer.
  case stopping
  /// The client broke a rule; this is what it was answered.
  case failed(Status)
}

extension Status {
  /// The server stops before this call was done; another server, or this one later, may do it.
  package static let stopping = Status(
    .unavailable, "the server is stopping", reason: "DRAINING", retryAfter: .seconds(1))
}
