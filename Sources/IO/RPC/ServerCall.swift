package import GRPCWire
import HTTP2
package import NIOCore

/// One call on the server, from its headers to its status; used on its connection's event loop.
///
/// After the end every method does nothing, so a handler that answers late needs no check.
package final class ServerCall {
  package let connection: ServerConnectionInfo
  /// Headers other than those gRPC itself uses.
  package internal(set) var metadata = Metadata()
  package internal(set) var deadline: NIODeadline?
  /// false: the stream's window is given back when `receive` returns. true: the handler calls
  /// `giveBack` with a message's bytes when they are used; so a client is held back.
  package var holdsWindow = false

  private(set) var route: ServiceRouter.Route
  var state: ServerCallState
  var deframer = MessageDeframer()
  var handler: (any ServerCallHandler)?
  /// Both nil once the stream is closed.
  var stream: HTTP2Stream?
  unowned(unsafe) var owner: ServerConnection?
  /// Received bytes less those given back or held by the handler; below zero when a message was
  /// given back while it was gathered and is held now.
  private var windowBalance = 0
  /// Bytes of a message not yet whole, as the connection counts them.
  var gatheredBytes = 0

  init(_ route: ServiceRouter.Route, on stream: HTTP2Stream, of owner: ServerConnection) {
    self.route = route
    self.stream = stream
    self.owner = owner
    connection = owner.info
    state = ServerCallState(shape: route.method.shape)
  }

  /// Makes an ended call of the same connection a new one.
  func reuse(_ route: ServiceRouter.Route, on stream: HTTP2Stream, of owner: ServerConnection) {
    precondition(!state.isOpen && connection === owner.info)
    if self.route !== route { self.route = route }
    self.stream = stream
    self.owner = owner
    state = ServerCallState(shape: route.method.shape)
    if !metadata.isEmpty { metadata = Metadata() }
    if deframer.isMidMessage { deframer = MessageDeframer() }
    deadline = nil
    holdsWindow = false
    windowBalance = 0
  }

  package var eventLoop: any EventLoop { connection.eventLoop }
  package var path: String { route.method.path }
  package var isOpen: Bool { state.isOpen }

  /// Bytes sent and not yet taken by HTTP/2.
  package var bufferedBytes: Int { stream?.bufferedBytes ?? 0 }

  package func send(_ message: UnsafeRawBufferPointer) {
    send(capacity: message.count) { target in
      target.copyMemory(from: message)
      return message.count
    }
  }

  /// Sends a message that `fill` writes in place, in at most `capacity` bytes; it returns how many.
  package func send(capacity: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int) {
    send(messages: 1, ofAtMost: capacity) { _, target in fill(target) }
  }

  /// Sends `count` messages, each of at most `capacity` bytes, which `fill` writes in place one after
  /// the other; it returns how many bytes. For many small ones this costs less than one by one.
  package func send(
    messages count: Int, ofAtMost capacity: Int,
    _ fill: (_ index: Int, UnsafeMutableRawBufferPointer) -> Int
  ) {
    let outbound = state.sendMessage()
    guard outbound != .ignore, let stream, let owner, let session = owner.session else { return }
    precondition(count == 1 || state.shape.streamsResponses, "\(count) responses to one request")
    if outbound == .headersAndMessage {
      session.respond(owner.loop.headers.begin, endStream: false, on: stream)
      guard !stream.isEnded else { return }
    }
    session.write(count * (MessagePrefix.size + capacity), on: stream) { target in
      guard let base = target.baseAddress else { return 0 }
      var used = 0
      for index in 0..<count {
        let room = UnsafeMutableRawBufferPointer(
          start: base + used + MessagePrefix.size, count: capacity)
        let length = fill(index, room)
        precondition(length <= capacity, "\(length) bytes in room for \(capacity)")
        MessagePrefix.write(length: length, to: base + used)
        used += MessagePrefix.size + length
      }
      return used
    }
    owner.needsFlush()
  }

  /// Lets the client send this many more bytes: those of messages held with `holdsWindow`.
  package func giveBack(_ bytes: Int) {
    windowBalance += bytes
    settleWindow()
  }

  /// Lets the client send up to `bytes` before they are given back: more than on other streams, for
  /// one that is known to use it.
  package func widenWindow(to bytes: Int) {
    guard isOpen, let stream, let owner, let session = owner.session else { return }
    session.widenWindow(to: bytes, on: stream)
    owner.needsFlush()
  }

  /// Ends the call; what was sent before goes out first.
  package func finish(_ status: Status = .ok) {
    let ending = state.finish(status)
    handler = nil
    if gatheredBytes > 0 { dropGathered() }
    guard let stream, let owner, let session = owner.session else { return }
    switch ending {
    case .ignore: return
    case .trailers(let status):
      session.end(stream, trailers: owner.loop.headers.trailers(status))
    case .trailersOnly(let status):
      session.respond(owner.loop.headers.trailersOnly(status), endStream: true, on: stream)
    }
    owner.needsFlush()
  }

  /// `finish`, for a client that takes nothing: what was sent before, and the status, wait for it
  /// only so long. Then the stream is reset and its memory is free.
  package func finish(_ status: Status, orResetAfter patience: TimeAmount) {
    let id = stream?.id
    finish(status)
    guard let id else { return }
    eventLoop.assumeIsolated().scheduleTask(in: patience) { [weak self] in
      // By then this may be another call of the connection.
      guard let self, let stream = self.stream, stream.id == id else { return }
      guard let owner = self.owner, let session = owner.session else { return }
      session.reset(stream, .cancel)
      owner.needsFlush()
    }
  }

  // MARK: - Called by the connection

  func received(_ chunk: UnsafeRawBufferPointer) {
    windowBalance += chunk.count
    guard state.isOpen else { return settleWindow() }
    let rest = deframer.isMidMessage ? chunk : deliverWhole(chunk)
    if rest.count > 0 {
      do throws(FramingError) {
        // Out of the property while handlers run: they may come back to this call.
        var deframer = self.deframer
        self.deframer = MessageDeframer()
        // What an ended call has of a next message is of no use to anyone.
        defer { if state.isOpen || !deframer.isMidMessage { self.deframer = deframer } }
        try deframer.feed(rest, limit: route.maxMessageBytes) { message in deliver(message) }
      } catch {
        fail(state.receivedBadFraming(error))
      }
      countGathered()
    }
    settleWindow()
  }

  /// Delivers the messages that lie whole and plain at the start of `chunk`; returns the rest, which
  /// is for the deframer.
  private func deliverWhole(_ chunk: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let limit = route.maxMessageBytes
    var rest = chunk
    while let base = rest.baseAddress, rest.count >= MessagePrefix.size,
      base.load(as: UInt8.self) == 0
    {
      let length = Int(UInt32(bigEndian: base.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
      let end = MessagePrefix.size + length
      guard length <= limit, end <= rest.count else { break }
      deliver(UnsafeRawBufferPointer(start: base + MessagePrefix.size, count: length))
      rest = UnsafeRawBufferPointer(start: base + end, count: rest.count - end)
    }
    return rest
  }

  func receivedEnd() {
    let inbound = state.receivedHalfClose(isMidMessage: deframer.isMidMessage)
    guard case .deliver = inbound else { return fail(inbound) }
    handler?.receiveEnd(on: self)
  }

  /// The stream is gone; `reason` is told to a handler that had not finished.
  func closed(_ reason: CallEnd) {
    let inbound = state.receivedReset()
    if gatheredBytes > 0 { dropGathered() }
    stream = nil
    owner = nil
    guard inbound == .deliver else { return }
    let last = handler
    handler = nil
    last?.ended(reason, on: self)
  }

  func deadlinePassed() {
    guard isOpen else { return }
    let last = handler
    finish(last?.statusAtDeadline(on: self) ?? Status(.deadlineExceeded, "the deadline passed"))
    last?.ended(.deadline, on: self)
  }

  func stop() {
    guard isOpen else { return }
    let last = handler
    finish(last?.statusWhenStopping(on: self) ?? .stopping)
    last?.ended(.stopping, on: self)
  }

  func readyToSend() {
    guard isOpen else { return }
    settleWindow()
    handler?.readyToSend(on: self)
  }

  // MARK: - Details

  private func deliver(_ message: UnsafeRawBufferPointer) {
    let inbound = state.receivedMessage()
    guard case .deliver = inbound else { return fail(inbound) }
    handler?.receive(message, on: self)
    if holdsWindow { windowBalance -= message.count }
  }

  private func fail(_ inbound: ServerCallState.Inbound) {
    guard case .fail(let status) = inbound else { return }
    fail(status)
  }

  func fail(_ status: Status) {
    let last = handler
    finish(status)
    last?.ended(.failed(status), on: self)
  }

  /// A client that does not take its answers is not let send more: what they take is bounded.
  private static let maxUntakenBytes = 1 << 20

  private func settleWindow() {
    guard windowBalance > 0, bufferedBytes <= Self.maxUntakenBytes else { return }
    if let stream, let owner, let session = owner.session {
      session.giveBack(windowBalance, on: stream)
      if !owner.isReading { owner.needsFlush() }
    }
    windowBalance = 0
  }
}
