import HTTP2
import NIOCore
import NIOPosix
import Synchronization

/// A plain HTTP/2 server that answers the n-th request of its life as a test tells it to.
final class ScriptedServer: Sendable {
  enum Step: Sendable {
    case answer
    /// RST_STREAM(REFUSED_STREAM): nothing was done.
    case refuse
    /// GOAWAY that leaves this request out, then the end.
    case goAwayBefore
    /// GOAWAY that names no request as seen, then the end.
    case disown
    /// Answers, then GOAWAY.
    case answerAndGoAway
    /// Takes everything in and says nothing, not even to a PING.
    case fallSilent
  }

  private let listener: any Channel
  private let script: Script
  let port: Int

  /// After the last step every request is answered.
  init(_ steps: [Step]) async throws {
    let script = Script(steps)
    self.script = script
    listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          script.connections.add(1, ordering: .relaxed)
          try channel.pipeline.syncOperations.addHandler(ScriptedConnection(script))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = listener.localAddress?.port ?? 0
  }

  /// How many connections it was asked for.
  var connections: Int { script.connections.load(ordering: .relaxed) }

  func stop() async throws { try await listener.close().get() }
}

/// What all connections of a scripted server share.
private final class Script: Sendable {
  let connections = Atomic(0)
  private let steps: Mutex<[ScriptedServer.Step]>

  init(_ steps: [ScriptedServer.Step]) { self.steps = Mutex(steps) }

  func next() -> ScriptedServer.Step {
    steps.withLock { $0.isEmpty ? .answer : $0.removeFirst() }
  }
}

private final class ScriptedConnection: ChannelInboundHandler, HTTP2SessionDelegate {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let script: Script
  private let session: HTTP2Session
  private let output = HTTP2Output()
  private var isSilent = false
  private var closesNext = false
  /// Frames that no honest session would send, sent last.
  private var last: [UInt8] = []

  init(_ script: Script) throws {
    self.script = script
    session = try HTTP2Session(role: .server)
    session.delegate = self
  }

  func channelActive(context: ChannelHandlerContext) { flush(context) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isSilent { return }
    let bytes = unwrapInboundIn(data)
    do { try bytes.withUnsafeReadableBytes { try session.receive($0, now: 0) } } catch {
      context.close(promise: nil)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) { flush(context) }

  private func flush(_ context: ChannelHandlerContext) {
    if isSilent { return }
    output.removeAll()
    do { try session.pump(into: output, upTo: .max) } catch { context.close(promise: nil) }
    context.writeAndFlush(
      wrapOutboundOut(ByteBuffer(bytes: Array(output.bytes) + last)), promise: nil)
    if closesNext { context.close(promise: nil) }
  }

  func receivedEnd(on stream: HTTP2Stream) {
    switch script.next() {
    case .answer: answer(stream)
    case .refuse: session.reset(stream, .refusedStream)
    case .goAwayBefore:
      session.terminate(.noError)
      closesNext = true
    case .disown:
      // Length 8, type 7, stream 0; last stream 0, NO_ERROR (RFC 9113 section 6.8).
      last = [0, 0, 8, 7] + [UInt8](repeating: 0, count: 13)
      closesNext = true
    case .answerAndGoAway:
      answer(stream)
      session.goAway()
    case .fallSilent: isSilent = true
    }
  }

  private func answer(_ stream: HTTP2Stream) {
    session.respond(
      HTTP2HeaderList([":status": "200", "content-type": "application/grpc"]), endStream: false,
      on: stream)
    session.write(7, on: stream) { target in
      target.copyBytes(from: [0, 0, 0, 0, 2, 0x6f, 0x6b])
      return 7
    }
    session.end(stream, trailers: HTTP2HeaderList(["grpc-status": "0"]))
  }

  func received(
    _ block: borrowing HTTP2HeaderBlock, _ kind: HTTP2HeaderKind, on stream: HTTP2Stream,
    endStream: Bool
  ) {}
  func received(_ chunk: UnsafeRawBufferPointer, on stream: HTTP2Stream) {}
  func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {}
  func receivedPingAcknowledgement(_ payload: UInt64) {}
  func receivedGoAway(lastStreamID: Int32, _ code: HTTP2ErrorCode, debug: String) {}
  func receivedSettings() {}
}
