import HTTP2
import NIOCore
import NIOPosix

/// A client that says whatever a test wants, over plain text: for what an honest client never does.
final class WireClient: Sendable {
  /// All that a stream brought.
  struct Answer: Sendable {
    var headers: [String: String] = [:]
    var trailers: [String: String] = [:]
    var body: [UInt8] = []
    var resetCode: UInt32 = 0

    /// From the trailers, or the headers of an answer without any message.
    var status: String? { trailers["grpc-status"] ?? headers["grpc-status"] }
    var message: String? { trailers["grpc-message"] ?? headers["grpc-message"] }
  }

  private let channel: any Channel
  private let handler: NIOLoopBound<WireHandler>

  init(port: Int) async throws {
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let handler = try await eventLoop.submit {
      NIOLoopBound(try WireHandler(eventLoop), eventLoop: eventLoop)
    }.get()
    self.handler = handler
    channel = try await ClientBootstrap(group: eventLoop).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(handler.value)
      }
    }.connect(host: "127.0.0.1", port: port).get()
  }

  /// Sends one request and waits for the end of its stream. `body` goes out chunk by chunk, each in
  /// a DATA frame of its own; `headers` replace those of the same name ("" removes one).
  func call(
    _ path: String, headers: [String: String] = [:], body: [[UInt8]] = [], end: Bool = true
  ) async throws -> Answer {
    let handler = handler
    return try await channel.eventLoop.flatSubmit {
      handler.value.call(path, headers, body, end)
    }.get()
  }

  /// One message in its framing.
  static func framed(_ text: String, flag: UInt8 = 0, length: Int? = nil) -> [UInt8] {
    let bytes = Array(text.utf8)
    let prefix = withUnsafeBytes(of: UInt32(length ?? bytes.count).bigEndian) { Array($0) }
    return [flag] + prefix + bytes
  }

  func close() async throws { try await channel.close().get() }
}

private final class WireHandler: ChannelInboundHandler, HTTP2SessionDelegate {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let eventLoop: any EventLoop
  private let session: HTTP2Session
  private let output = HTTP2Output()
  private var context: ChannelHandlerContext?
  private var answers: [Int32: (WireClient.Answer, EventLoopPromise<WireClient.Answer>)] = [:]

  init(_ eventLoop: any EventLoop) throws {
    self.eventLoop = eventLoop
    session = try HTTP2Session(role: .client)
    session.delegate = self
  }

  func call(_ path: String, _ changes: [String: String], _ body: [[UInt8]], _ end: Bool)
    -> EventLoopFuture<WireClient.Answer>
  {
    let promise = eventLoop.makePromise(of: WireClient.Answer.self)
    guard context != nil else {
      promise.fail(ChannelError.eof)
      return promise.futureResult
    }
    var fields = [
      (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
      ("content-type", "application/grpc"), ("te", "trailers"),
    ]
    for (name, value) in changes.sorted(by: { $0.key < $1.key }) {
      if let known = fields.firstIndex(where: { $0.0 == name }) {
        fields[known].1 = value
      } else {
        fields.append((name, value))
      }
    }
    let list = HTTP2HeaderList()
    for (name, value) in fields where !value.isEmpty { list.append(name, value) }
    do {
      let stream = try session.request(list, endStream: body.isEmpty && end, context: nil)
      answers[stream.id] = (WireClient.Answer(), promise)
      flush()
      for chunk in body {
        guard answers[stream.id] != nil else { break }
        session.write(chunk.count, on: stream) { target in
          target.copyBytes(from: chunk)
          return chunk.count
        }
        flush()
      }
      if end, !body.isEmpty, answers[stream.id] != nil { session.end(stream) }
      flush()
    } catch {
      promise.fail(error)
    }
    return promise.futureResult
  }

  private func flush() {
    output.removeAll()
    do { try session.pump(into: output, upTo: .max) } catch { return fail(error) }
    guard let context, output.count > 0 else { return }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: output.bytes)), promise: nil)
  }

  private func fail(_ error: any Error) {
    let waiting = answers.values
    answers = [:]
    for (_, promise) in waiting { promise.fail(error) }
  }

  func channelActive(context: ChannelHandlerContext) {
    self.context = context
    flush()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    do {
      try unwrapInboundIn(data).withUnsafeReadableBytes { try session.receive($0, now: 0) }
    } catch {
      fail(error)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) { flush() }

  func channelInactive(context: ChannelHandlerContext) {
    self.context = nil
    fail(ChannelError.eof)
  }

  /// A reset is an end like any other here: `channelInactive` follows.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  func received(
    _ block: borrowing HTTP2HeaderBlock, _ kind: HTTP2HeaderKind, on stream: HTTP2Stream,
    endStream: Bool
  ) {
    for index in 0..<block.count {
      let name = String(decoding: block[index].name, as: UTF8.self)
      let value = String(decoding: block[index].value, as: UTF8.self)
      if kind == .trailers {
        answers[stream.id]?.0.trailers[name] = value
      } else {
        answers[stream.id]?.0.headers[name] = value
      }
    }
  }

  func received(_ chunk: UnsafeRawBufferPointer, on stream: HTTP2Stream) {
    answers[stream.id]?.0.body += chunk
    session.giveBack(chunk.count, on: stream)
  }

  func receivedEnd(on stream: HTTP2Stream) {}

  func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    guard var entry = answers.removeValue(forKey: stream.id) else { return }
    entry.0.resetCode = code.rawValue
    entry.1.succeed(entry.0)
  }

  func receivedPingAcknowledgement(_ payload: UInt64) {}
  func receivedGoAway(lastStreamID: Int32, _ code: HTTP2ErrorCode, debug: String) {}
  func receivedSettings() {}
}
