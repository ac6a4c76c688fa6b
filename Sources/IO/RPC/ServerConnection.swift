import GRPCWire
import HTTP2
import Logging
import NIOCore
import TLS

/// One connection on the server: TLS, HTTP/2 and its calls in one channel handler.
///
/// Bytes are fed as they come; whatever answers them goes out once, at the end of the read.
final class ServerConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  let loop: ServerLoop
  let info: ServerConnectionInfo
  let tls: TLSSession?
  /// nil before the TLS handshake is done and after the end.
  var session: HTTP2Session?
  var context: ChannelHandlerContext?
  /// Place in the loop's list.
  var slot: Int?

  /// Between the first `channelRead` and `channelReadComplete`.
  private(set) var isReading = false
  var isFlushing = false
  /// On the loop's list of connections to flush.
  var isDirty = false
  var isClosing = false
  var closingSince: NIODeadline?

  /// Of the read being worked on, so that a clock is read once.
  var readAt = NIODeadline.now()
  let openedAt: NIODeadline
  var hasSettings = false
  /// Whether a byte came: the first ones tell plain text from TLS.
  private var hasInput = false
  /// Being turned away: the client speaks plain text.
  private var plainText: PlainTextAnswer?
  var isTurnedAway: Bool { plainText != nil }
  /// When the last call ended, or the connection was opened.
  var idleSince: NIODeadline
  var pingedAt: NIODeadline?
  /// The header block that was open at the last tick, and since when it is.
  var openHeaderBlock: Int32 = 0
  var openHeaderBlockAt: NIODeadline
  /// Ended calls that nobody else refers to, for reuse.
  var spareCalls: [ServerCall] = []
  /// Bytes of messages not yet whole, over all calls.
  var gatheredBytes = 0
  var drainState = DrainState.serving
  var deadlineTimer: Scheduled<Void>?
  var deadlineTimerAt = NIODeadline.distantFuture

  enum DrainState {
    case serving
    /// The first GOAWAY went out, with a PING behind it.
    case announced(at: NIODeadline)
    /// The last GOAWAY went out: the calls now open are the last.
    case refusing
  }

  init(_ loop: ServerLoop, remoteAddress: String) throws(TLSError) {
    self.loop = loop
    openedAt = .now()
    idleSince = openedAt
    openHeaderBlockAt = openedAt
    info = ServerConnectionInfo(
      eventLoop: loop.eventLoop, remoteAddress: remoteAddress)
    if let context = loop.tls {
      tls = try TLSSession(context, role: .server, peer: remoteAddress)
    } else {
      tls = nil
    }
  }

  // MARK: - Channel events

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func channelActive(context: ChannelHandlerContext) {
    guard loop.add(self) else {
      isClosing = true
      context.close(promise: nil)
      return
    }
    if tls == nil { openSession() }
    flush()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if !isReading {
      isReading = true
      readAt = .now()
      pingedAt = nil
    }
    guard !isClosing else { return }
    unwrapInboundIn(data).withUnsafeReadableBytes { feed($0) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    flush()
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { flush() }
  }

  func channelInactive(context: ChannelHandlerContext) { tearDown() }

  func handlerRemoved(context: ChannelHandlerContext) {
    tearDown()
    self.context = nil
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    loop.configuration.logger?.debug("connection from \(info.remoteAddress) failed: \(error)")
    context.close(promise: nil)
  }

  // MARK: - Bytes in

  private func feed(_ bytes: UnsafeRawBufferPointer) {
    guard let tls else { return receive(bytes) }
    if !hasInput {
      hasInput = true
      if let answer = PlainTextAnswer(to: bytes) { turnAway(answer) }
    }
    if plainText != nil { return answerPlainText(bytes) }
    let wasEstablished = tls.state == .established
    do throws(TLSError) {
      try tls.receive(bytes, scratch: loop.scratch) { plain in
        if session == nil { openSession() }
        receive(plain)
      }
      if !wasEstablished, tls.state == .established, session == nil, !isClosing { openSession() }
      if !wasEstablished, tls.state == .established, let current = loop.tls, tls.context !== current
      {
        // Certificates were replaced while it shook hands.
        judgeAgain(by: current)
      }
    } catch {
      if wasEstablished { close("\(error)") } else { refuse("\(error)") }
    }
    if tls.state == .closedByPeer { close(nil) }
  }

  private func receive(_ plain: UnsafeRawBufferPointer) {
    guard let session, !isClosing else { return }
    do throws(HTTP2Error) {
      try session.receive(plain, now: readAt.uptimeNanoseconds)
    } catch {
      close("\(error)")
    }
  }

  private func openSession() {
    info.identity = tls?.peerIdentity
    do throws(HTTP2Error) {
      let session = try HTTP2Session(
        role: .server, settings: loop.configuration.http2, pool: loop.pool)
      session.delegate = self
      self.session = session
    } catch {
      close("\(error)")
    }
  }

  // MARK: - The end

  /// Ends the connection after what is queued (a GOAWAY, an alert) was given to the socket.
  func close(_ reason: String?) {
    guard !isClosing else { return }
    isClosing = true
    closingSince = .now()
    if let reason { loop.configuration.logger?.debug("\(closingLine(reason))") }
    needsFlush()
  }

  /// Ends the connection if `context` no longer takes its client's certificate. The calls end with UNAVAILABLE: another
  /// connection would tell why.
  func judgeAgain(by context: TLSContext) {
    guard !isClosing, let tls, tls.state == .established || tls.state == .closedByPeer,
      let reason = tls.judgePeerAgain(by: context)
    else { return }
    shutOut("\(reason)")
  }

  /// Ends the connection of a client that may no longer be here.
  func shutOut(_ reason: String) {
    loop.configuration.logger?.warning(
      "ending a connection whose certificate is no longer good",
      metadata: ["peer": "\(info.remoteAddress)", "reason": "\(reason)"])
    stop()
    // A client that takes nothing is not waited for.
    loop.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) {
      if self.context != nil { self.abandon() }
    }
  }

  /// Of a client that is shut out, until its connection is cut.
  private static let patience = TimeAmount.seconds(2)

  /// `close`, of a client that did not get in. Who is refused, and why, is what an operator is asked.
  private func refuse(_ reason: String) {
    guard !isClosing else { return }
    loop.logRefusal(closingLine(reason))
    close(nil)
  }

  /// Answers a client that does not speak TLS in its own language.
  private func turnAway(_ answer: PlainTextAnswer) {
    guard let context, !isClosing else { return }
    loop.logRefusal(closingLine("it speaks \(answer.what), not TLS"))
    plainText = answer
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer.opening)), promise: nil)
  }

  /// Says the rest and stops sending; what the client still sends is read until it goes, or is cut: a reset would take
  /// the answer away from it.
  private func answerPlainText(_ bytes: UnsafeRawBufferPointer) {
    guard let context, !isClosing, let rest = plainText?.receive(bytes) else { return }
    isClosing = true
    closingSince = .now()
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: rest)), promise: nil)
    context.close(mode: .output, promise: nil)
  }

  private func closingLine(_ reason: String) -> String {
    "closing the connection from \(info.remoteAddress): \(reason)"
  }

  /// Ends every call and forgets the session. Safe to call twice.
  func tearDown() {
    loop.remove(self)
    deadlineTimer?.cancel()
    deadlineTimer = nil
    isClosing = true
    spareCalls = []
    guard let session else { return }
    self.session = nil
    session.delegate = nil
    session.forEachStream { stream in
      guard let pointer = stream.context else { return }
      stream.context = nil
      Unmanaged<ServerCall>.fromOpaque(pointer).takeRetainedValue().closed(.connectionLost)
    }
  }
}
