/// One call as the server sees it: what may come and go, and in which order.
///
/// It begins when the request's headers were accepted. Small and without references: a server
/// holds one for each open stream.
package struct ServerCallState: Equatable, Sendable {
  package let shape: StreamingShape
  private var requests = 0
  private var responses = 0
  private var isHalfClosed = false
  private var headersSent = false
  package private(set) var isOpen = true

  package init(shape: StreamingShape) { self.shape = shape }

  // MARK: - From the client

  /// What to do with something that the client sent.
  package enum Inbound: Equatable, Sendable {
    /// Give it to the handler.
    case deliver
    /// End the call with this status and tell the handler.
    case fail(Status)
    /// The call has ended: drop it.
    case ignore
  }

  package mutating func receivedMessage() -> Inbound {
    guard isOpen else { return .ignore }
    guard !isHalfClosed else {
      return .fail(Status(.internal, "a message after the end of the request"))
    }
    if requests == 1, !shape.streamsRequests {
      return .fail(Status(.internal, "more than one request message; this method takes one"))
    }
    requests = min(requests + 1, 2)
    return .deliver
  }

  package mutating func receivedBadFraming(_ error: FramingError) -> Inbound {
    isOpen ? .fail(error.status) : .ignore
  }

  /// - Parameter isMidMessage: whether the bytes ended inside a message.
  package mutating func receivedHalfClose(isMidMessage: Bool) -> Inbound {
    guard isOpen, !isHalfClosed else { return .ignore }
    isHalfClosed = true
    if isMidMessage { return .fail(Status(.internal, "the request ends inside a message")) }
    if requests == 0, !shape.streamsRequests {
      return .fail(Status(.internal, "no request message; this method takes one"))
    }
    return .deliver
  }

  /// The client reset the stream, or the connection is lost: nothing can be sent any more.
  package mutating func receivedReset() -> Inbound {
    guard isOpen else { return .ignore }
    isOpen = false
    return .deliver
  }

  // MARK: - From the handler

  /// What to send before or instead of a message.
  package enum Outbound: Equatable, Sendable {
    /// The response's headers, then the message.
    case headersAndMessage
    case message
    /// The call has ended: drop it.
    case ignore
  }

  package mutating func sendMessage() -> Outbound {
    guard isOpen else { return .ignore }
    precondition(
      responses == 0 || shape.streamsResponses, "a second response message to a \(shape) method")
    responses = 1
    defer { headersSent = true }
    return headersSent ? .message : .headersAndMessage
  }

  /// How the end is told.
  package enum Ending: Equatable, Sendable {
    /// One HEADERS frame with the response's headers and the status.
    case trailersOnly(Status)
    case trailers(Status)
    /// The call has ended already.
    case ignore
  }

  /// Ends the call; the client may still be sending.
  package mutating func finish(_ status: Status) -> Ending {
    guard isOpen else { return .ignore }
    isOpen = false
    var status = status
    if status.code == .ok, responses == 0, !shape.streamsResponses {
      status = Status(.internal, "the method ended without a response")
    }
    return headersSent ? .trailers(status) : .trailersOnly(status)
  }
}
