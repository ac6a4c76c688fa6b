internal import GRPCWire
import HTTP2
import NIOCore
import TLS

/// One TCP connection to a server: TLS and HTTP/2 joined to the socket, and the calls on it.
///
/// Bytes are taken in by `channelRead`; what follows from them goes out in one flush when the reads of
/// this turn are done. Everything here happens on the channel's event loop.
final class ClientConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum Phase: Equatable {
    case handshaking, awaitingSettings, ready, draining, closed
  }

  let session: HTTP2Session
  var phase = Phase.handshaking
  let configuration: RPCChannelConfiguration
  let owner: ChannelCore
  let memory: ClientMemory
  var tls: TLSSession?
  var context: ChannelHandlerContext?
  private let headers: RequestHeaders
  private var isReading = false
  var isFlushing = false
  private var isFlushScheduled = false
  private var isInputOver = false
  /// Streams above this were not processed by the server (GOAWAY).
  var lastStreamID = Int32.max
  var maxStreams = 100
  var keepalive: Keepalive?

  init(_ configuration: RPCChannelConfiguration, owner: ChannelCore) throws {
    self.configuration = configuration
    self.owner = owner
    memory = ClientMemory.current
    var settings = HTTP2Settings()
    settings.streamWindow = configuration.streamWindow
    settings.connectionWindow = configuration.connectionWindow
    session = try HTTP2Session(role: .client, settings: settings, pool: memory.pool)
    if let context = configuration.tls {
      tls = try TLSSession(
        context, role: .client(serverName: configuration.serverName ?? configuration.host),
        peer: configuration.authority)
    }
    headers = RequestHeaders(configuration)
    session.delegate = self
  }

  // MARK: - Calls

  /// Whether another call can be opened now.
  var hasRoom: Bool { phase == .ready && session.streamCount < maxStreams }

  /// Opens a stream for `call`; only while `hasRoom`. False when this connection's stream numbers are used
  /// up: it then ends when its calls have.
  func open(_ call: ClientCall) -> Bool {
    let headers = self.headers.list(for: call)
    let retained = Unmanaged.passRetained(call)
    do {
      let stream = try session.request(headers, endStream: false, context: retained.toOpaque())
      call.opened(stream, on: self)
      outputAdded()
      return true
    } catch {
      retained.release()
      startDraining()
      return false
    }
  }

  /// Calls `body` with every open call.
  func forEachCall(_ body: (ClientCall) -> Void) {
    session.forEachStream { stream in
      if let call = Self.call(of: stream) { body(call) }
    }
  }

  /// Something is to be sent: now if a flush is to come anyway, else when this turn of the loop is done.
  func outputAdded() {
    guard !isReading, !isFlushing, !isFlushScheduled, let context else { return }
    isFlushScheduled = true
    context.eventLoop.assumeIsolated().execute {
      self.isFlushScheduled = false
      self.flush()
    }
  }

  /// Ends the connection in an orderly way; calls that are still open are lost.
  func shutDown(_ reason: String) {
    guard phase != .closed else { return }
    failCalls(reason)
    session.terminate(.noError)
    flush()
    close()
  }

  /// Gives the connection up.
  func close() {
    tls?.close()
    sendPendingTLS()
    context?.flush()
    context?.close(promise: nil)
  }

  static func call(of stream: HTTP2Stream) -> ClientCall? {
    stream.context.map { Unmanaged<ClientCall>.fromOpaque($0).takeUnretainedValue() }
  }

  // MARK: - Socket

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { begin() }
  }

  /// Also after a connect that failed, when the channel was never active.
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) { begin() }

  private func begin() {
    if let tls {
      do throws(TLSError) { try tls.start() } catch { return fail(.tls, error.description) }
    } else {
      phase = .awaitingSettings
    }
    flush()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    isReading = true
    let buffer = unwrapInboundIn(data)
    let now = NIODeadline.now().uptimeNanoseconds
    keepalive?.heard()
    buffer.withUnsafeReadableBytes { receive($0, now) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    flush()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    // Not at once: inside a flush this would go ever deeper.
    if context.channel.isWritable { outputAdded() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let reason = ConnectSentences.error(
      error, host: configuration.host, port: configuration.port, timeout: .zero)
    fail(.tcp, isUp ? lostText("\(error)") : reason.description)
  }

  func channelInactive(context: ChannelHandlerContext) {
    let place = configuration.authority
    switch phase {
    case .handshaking: fail(.tls, "\(place) closed the connection during the TLS handshake")
    case .awaitingSettings:
      fail(.tls, "\(place) closed the connection; does it accept this side's certificate?")
    case .ready, .draining, .closed: fail(.tcp, lostText("closed by the server"))
    }
    self.context = nil
  }

  private func receive(_ bytes: UnsafeRawBufferPointer, _ now: UInt64) {
    guard !isInputOver else { return }
    guard let tls else { return takePlain(bytes, now) }
    do throws(TLSError) {
      try tls.receive(bytes, scratch: memory.scratch) { takePlain($0, now) }
    } catch {
      sendPendingTLS()
      fail(.tls, isUp ? lostText(error.description) : error.description)
      return
    }
    if tls.state == .established, phase == .handshaking { phase = .awaitingSettings }
    if tls.state == .closedByPeer { close() }
  }

  private func takePlain(_ bytes: UnsafeRawBufferPointer, _ now: UInt64) {
    guard !isInputOver else { return }
    do throws(HTTP2Error) { try session.receive(bytes, now: now) } catch {
      isInputOver = true
      let text = error.description
      fail(.protocol, isUp ? lostText(text) : "\(configuration.authority): \(text)")
    }
  }

  /// Whether calls were ever made on it: what ends it then is a loss, not a failed dial.
  private var isUp: Bool { phase == .ready || phase == .draining }

  func lostText(_ why: String) -> String {
    "the connection to \(configuration.authority) was lost (\(why))"
  }

  /// The end of the connection, whatever the reason; later calls of this change nothing.
  func fail(_ failure: RPCError.ConnectFailure, _ reason: String) {
    guard phase != .closed else { return }
    let wasUp = isUp
    isInputOver = true
    // Said before the calls end: a handler that calls again gets a new connection.
    phase = .closed
    keepalive?.stop()
    keepalive = nil
    owner.connectionEnded(
      self,
      wasUp
        ? nil
        : .connect(
          host: configuration.host, port: configuration.port, failure: failure, reason: reason))
    failCalls(reason)
    context?.close(promise: nil)
  }

  func failCalls(_ reason: String) {
    session.forEachStream { stream in
      guard let raw = stream.context else { return }
      stream.context = nil
      let call = Unmanaged<ClientCall>.fromOpaque(raw).takeRetainedValue()
      call.lost(reason, notProcessed: stream.id > lastStreamID)
    }
  }

  /// No new calls; the connection closes when the last one has ended.
  func startDraining() {
    guard phase == .ready else { return }
    phase = .draining
    owner.connectionDrains(self)
    outputAdded()
  }
}
