/// One call as the client sees it: what may come and go, and in which order.
///
/// It begins when the request's headers are sent.
package struct ClientCallState: Equatable, Sendable {
  package let shape: StreamingShape
  private var requests = 0
  private var responses = 0
  private var isHalfClosed = false
  private var hasHeaders = false
  package private(set) var isOpen = true

  package init(shape: StreamingShape) { self.shape = shape }

  // MARK: - To the server

  /// Whether a message may be sent now. False after the end of the call, which the peer decides;
  /// a message too many for the method, or after `halfClose`, is the caller's mistake.
  package mutating func sendMessage() -> Bool {
    guard isOpen else { return false }
    precondition(!isHalfClosed, "a message after halfClose()")
    precondition(
      requests == 0 || shape.streamsRequests, "a second request message to a \(shape) method")
    requests = 1
    return true
  }

  /// Whether END_STREAM is to be sent now.
  package mutating func halfClose() -> Bool {
    guard isOpen, !isHalfClosed else { return false }
    isHalfClosed = true
    return true
  }

  /// Whether RST_STREAM(CANCEL) is to be sent now.
  package mutating func cancel() -> Bool {
    guard isOpen else { return false }
    isOpen = false
    return true
  }

  // MARK: - From the server

  /// What to do with something that the server sent.
  package enum Inbound: Equatable, Sendable {
    /// Take it, or give it to the handler.
    case accept
    /// The call has ended with this status. `reset`: tell the server so with RST_STREAM(CANCEL).
    case end(Status, trailers: Metadata, reset: Bool)
    /// The call had ended: drop it.
    case ignore
  }

  /// Response headers, `endStream` when nothing follows them (trailers-only); or the trailers.
  ///
  /// - Parameters:
  ///   - httpStatus: the value of `:status`; whatever it is for trailers, which have none.
  ///   - isMidMessage: whether the bytes so far ended inside a message.
  package mutating func receivedHeaders(
    httpStatus: Int, headers: Metadata, endStream: Bool, isMidMessage: Bool = false
  ) -> Inbound {
    guard isOpen else { return .ignore }
    if hasHeaders {
      return receivedTrailers(headers, endStream: endStream, isMidMessage: isMidMessage)
    }
    if httpStatus >= 100, httpStatus < 200, !endStream { return .accept }
    guard httpStatus == 200 else {
      return end(Status(trailers: headers) ?? Status(httpStatus: httpStatus), headers, !endStream)
    }
    guard let type = headers["content-type"], RequestHead.isGRPC(type) else {
      let type = headers["content-type"] ?? ""
      return end(
        Status(.unknown, "the peer answered with content-type \"\(type)\""), headers, !endStream)
    }
    if endStream { return receivedTrailers(headers, endStream: true, isMidMessage: false) }
    if let encoding = headers["grpc-encoding"], encoding != "identity" {
      return end(
        Status(.internal, "the peer answered with grpc-encoding \(encoding)"), headers, true)
    }
    hasHeaders = true
    return .accept
  }

  /// Response headers that were seen to be those of gRPC, with HTTP status 200 and no encoding.
  package mutating func receivedHeaders() -> Inbound {
    guard isOpen else { return .ignore }
    if hasHeaders { return end(Status(.internal, "headers in the middle of the response")) }
    hasHeaders = true
    return .accept
  }

  /// Trailers that were seen to say OK and nothing more, with END_STREAM.
  package mutating func receivedOK(trailers: Metadata) -> Inbound {
    guard isOpen else { return .ignore }
    guard hasHeaders, responses > 0 || shape.streamsResponses else {
      return end(Status(.internal, "status OK without a response message"), trailers, false)
    }
    return end(.ok, trailers, false)
  }

  package mutating func receivedMessage() -> Inbound {
    guard isOpen else { return .ignore }
    guard hasHeaders else { return end(Status(.internal, "a message before the headers")) }
    if responses == 1, !shape.streamsResponses {
      return end(Status(.internal, "more than one response message; this method gives one"))
    }
    responses = 1
    return .accept
  }

  package mutating func receivedBadFraming(_ error: FramingError) -> Inbound {
    isOpen ? end(error.status) : .ignore
  }

  private mutating func receivedTrailers(
    _ trailers: Metadata, endStream: Bool, isMidMessage: Bool
  ) -> Inbound {
    guard endStream else {
      return end(Status(.internal, "headers in the middle of the response"), trailers, true)
    }
    guard let status = Status(trailers: trailers) else {
      return end(Status(.unknown, "the response has no grpc-status"), trailers, false)
    }
    if status.code == .ok, isMidMessage {
      return end(Status(.internal, "the response ends inside a message"), trailers, false)
    }
    if status.code == .ok, responses == 0, !shape.streamsResponses {
      return end(Status(.internal, "status OK without a response message"), trailers, false)
    }
    return end(status, trailers, false)
  }

  /// END_STREAM on a DATA frame: a gRPC response ends with trailers, not so.
  package mutating func receivedEndWithoutTrailers(isMidMessage: Bool) -> Inbound {
    guard isOpen else { return .ignore }
    let end = isMidMessage ? "inside a message" : "without a status"
    return self.end(Status(.internal, "the response ends \(end)"), Metadata(), false)
  }

  package mutating func receivedReset(code: UInt32) -> Inbound {
    isOpen ? end(Status(resetCode: code), Metadata(), false) : .ignore
  }

  package mutating func lostConnection(_ reason: String) -> Inbound {
    isOpen ? end(Status(.unavailable, reason), Metadata(), false) : .ignore
  }

  package mutating func deadlinePassed() -> Inbound {
    isOpen ? end(Status(.deadlineExceeded, "the deadline passed")) : .ignore
  }

  private mutating func end(
    _ status: Status, _ trailers: Metadata = Metadata(), _ reset: Bool = true
  ) -> Inbound {
    isOpen = false
    return .end(status, trailers: trailers, reset: reset)
  }
}
