package import GRPCWire
internal import HTTP2
package import NIOCore

/// What a call tells its owner; all on the channel's event loop.
package protocol ClientCallHandler: AnyObject {
  /// One whole message; the bytes are valid until return.
  func receive(_ message: UnsafeRawBufferPointer, on call: ClientCall)
  /// What was buffered has been taken by HTTP/2: more may be sent.
  func readyToSend(on call: ClientCall)
  /// The call is over, always the last word.
  func ended(_ status: Status, trailers: Metadata, on call: ClientCall)
}

/// One call as its caller holds it. Used on the channel's event loop only.
package final class ClientCall {
  package let path: String
  package let shape: StreamingShape
  package let eventLoop: any EventLoop
  /// Whether the handler says with `giveBack` when the bytes of a message are used. False: at return.
  package var holdsWindow = false
  /// Set when the call failed because there was no connection.
  package private(set) var connectError: RPCError?
  /// Set when the server certainly did nothing for the call: it may be made again.
  package private(set) var wasNotProcessed = false
  /// When the call got a stream on a connection; nil where it never did.
  package private(set) var openedAt: NIODeadline?

  let metadata: [(String, String)]
  let deadline: NIODeadline?
  private let maxMessageBytes: Int
  private var handler: (any ClientCallHandler)?
  private var state: ClientCallState
  private var deframer = MessageDeframer()
  /// Where the call lives once it has a stream. Forgotten when the stream closes.
  private var stream: HTTP2Stream?
  private var connection: ClientConnection?
  /// Framed messages and the end that wait for a stream.
  private var waitingBytes: [UInt8] = []
  private var waitingEnd = false
  /// Payload bytes delivered and not given back, while `holdsWindow`.
  private var heldBytes = 0
  /// Received bytes less those given back or held. A part of a message is given back at once, else one
  /// longer than the window would never come; when it is held afterwards, this is below zero.
  private var windowBalance = 0

  init(
    path: String, shape: StreamingShape, metadata: [(String, String)], deadline: NIODeadline?,
    maxMessageBytes: Int, handler: any ClientCallHandler, on eventLoop: any EventLoop
  ) {
    self.path = path
    self.shape = shape
    self.metadata = metadata
    self.deadline = deadline
    self.maxMessageBytes = maxMessageBytes
    self.handler = handler
    self.eventLoop = eventLoop
    state = ClientCallState(shape: shape)
  }

  /// Whether the call has not ended.
  package var isOpen: Bool { state.isOpen }

  /// Bytes sent by the caller and not yet taken by HTTP/2.
  package var bufferedBytes: Int { stream?.bufferedBytes ?? waitingBytes.count }

  // MARK: - Sending

  /// Sends a copy of one message; dropped when the call has ended.
  package func send(_ message: UnsafeRawBufferPointer) {
    send(capacity: message.count) { target in
      target.copyMemory(from: message)
      return message.count
    }
  }

  /// Sends one message of at most `capacity` bytes, which `fill` writes in place; it returns how many.
  package func send(capacity: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int) {
    guard state.sendMessage() else { return }
    guard let stream, let connection else {
      let start = waitingBytes.count
      waitingBytes.append(contentsOf: repeatElement(0, count: MessagePrefix.size + capacity))
      let used = waitingBytes.withUnsafeMutableBytes { bytes in
        Self.frame(UnsafeMutableRawBufferPointer(rebasing: bytes[start...]), fill)
      }
      waitingBytes.removeLast(waitingBytes.count - start - used)
      return
    }
    connection.session.write(MessagePrefix.size + capacity, on: stream) { Self.frame($0, fill) }
    connection.outputAdded()
  }

  /// Says that no more messages will be sent.
  package func halfClose() {
    guard state.halfClose() else { return }
    guard let stream, let connection else {
      waitingEnd = true
      return
    }
    connection.session.end(stream)
    connection.outputAdded()
  }

  /// Gives the call up: the server is told, and the handler gets CANCELLED.
  package func cancel() {
    guard state.cancel() else { return }
    finish(Status(.cancelled, "cancelled by the caller"), Metadata())
  }

  /// Lets the server send `bytes` more; for messages of a call that `holdsWindow`.
  package func giveBack(_ bytes: Int) {
    let given = min(bytes, heldBytes)
    guard given > 0 else { return }
    heldBytes -= given
    windowBalance += given
    guard let stream, let connection else { return }
    settleWindow(stream, connection.session)
    connection.outputAdded()
  }

  private static func frame(
    _ target: UnsafeMutableRawBufferPointer, _ fill: (UnsafeMutableRawBufferPointer) -> Int
  ) -> Int {
    guard let start = target.baseAddress else { return 0 }
    let room = UnsafeMutableRawBufferPointer(rebasing: target[MessagePrefix.size...])
    let used = fill(room)
    precondition(used <= room.count, "\(used) bytes in room for \(room.count)")
    MessagePrefix.write(length: used, to: start)
    return MessagePrefix.size + used
  }
}

// MARK: - Told by the connection

extension ClientCall {
  /// The call got a stream: what waited is sent.
  func opened(_ stream: HTTP2Stream, on connection: ClientConnection) {
    self.stream = stream
    self.connection = connection
    openedAt = .now()
    let waiting = waitingBytes
    waitingBytes = []
    if !waiting.isEmpty {
      connection.session.write(waiting.count, on: stream) { target in
        waiting.withUnsafeBytes { target.copyMemory(from: $0) }
        return waiting.count
      }
    }
    if waitingEnd { connection.session.end(stream) }
  }

  func received(_ chunk: UnsafeRawBufferPointer, on stream: HTTP2Stream, session: HTTP2Session) {
    windowBalance += chunk.count
    if state.isOpen {
      do throws(FramingError) {
        // Out of the property while the handler runs: it may come back to this call.
        var deframer = self.deframer
        self.deframer = MessageDeframer()
        defer { self.deframer = deframer }
        try deframer.feed(chunk, limit: maxMessageBytes) { deliver($0) }
      } catch {
        apply(state.receivedBadFraming(error))
      }
    }
    settleWindow(stream, session)
  }

  private func deliver(_ message: UnsafeRawBufferPointer) {
    switch state.receivedMessage() {
    case .accept:
      if holdsWindow {
        heldBytes += message.count
        windowBalance -= message.count
      }
      handler?.receive(message, on: self)
    case .end(let status, let trailers, _): finish(status, trailers)
    case .ignore: break
    }
  }

  private func settleWindow(_ stream: HTTP2Stream, _ session: HTTP2Session) {
    guard windowBalance > 0 else { return }
    session.giveBack(windowBalance, on: stream)
    windowBalance = 0
  }

  func receivedHeaders(
    _ block: borrowing HTTP2HeaderBlock, isTrailers: Bool, endStream: Bool
  ) {
    if isTrailers, endStream, ResponseMetadata.isOK(block) {
      return apply(state.receivedOK(trailers: ResponseMetadata.ok))
    }
    if !isTrailers, !endStream, ResponseMetadata.isOrdinary(block) {
      return apply(state.receivedHeaders())
    }
    apply(
      state.receivedHeaders(
        httpStatus: Int(block.value(of: ":status") ?? "") ?? 0,
        headers: ResponseMetadata.of(block), endStream: endStream))
  }

  func receivedEnd() {
    apply(state.receivedEndWithoutTrailers(isMidMessage: deframer.isMidMessage))
  }

  func readyToSend() {
    if state.isOpen { handler?.readyToSend(on: self) }
  }

  /// The stream is gone; `notProcessed` when the server said that it did nothing for it.
  func closed(_ code: HTTP2ErrorCode, notProcessed: Bool) {
    stream = nil
    connection = nil
    wasNotProcessed = notProcessed && state.isOpen
    apply(state.receivedReset(code: code.rawValue))
  }

  func lost(_ reason: String, notProcessed: Bool) {
    stream = nil
    connection = nil
    wasNotProcessed = notProcessed && state.isOpen
    apply(state.lostConnection(reason))
  }

  /// There is no connection and the call will not wait for one.
  func failed(_ error: RPCError) {
    guard state.isOpen else { return }
    connectError = error
    wasNotProcessed = true
    apply(state.lostConnection(error.description))
  }

  /// The call cannot be made at all.
  func refused(_ status: Status) {
    guard state.cancel() else { return }
    finish(status, Metadata())
  }

  func checkDeadline(_ now: NIODeadline) {
    if let deadline, deadline <= now { apply(state.deadlinePassed()) }
  }

  private func apply(_ inbound: ClientCallState.Inbound) {
    if case .end(let status, let trailers, _) = inbound { finish(status, trailers) }
  }

  /// Closes this side of the stream when the server would else wait for more, and tells the handler.
  private func finish(_ status: Status, _ trailers: Metadata) {
    if let stream, let connection {
      let isSent = stream.isEnded && stream.bufferedBytes == 0
      if !isSent || !stream.peerEnded {
        connection.session.reset(stream, .cancel)
        connection.outputAdded()
      }
    }
    waitingBytes = []
    guard let handler else { return }
    self.handler = nil
    handler.ended(status, trailers: trailers, on: self)
  }
}
