import HTTP2

/// The owner of a fuzzed session: what it does with each stream comes from one byte of the input.
final class HTTP2FuzzOwner: HTTP2SessionDelegate {
  unowned(unsafe) var session: HTTP2Session?
  /// Streams told of and not closed.
  private(set) var known: [Int32: HTTP2Stream] = [:]
  private var choices: UInt8
  private var answered: Set<Int32> = []
  private let headers = HTTP2HeaderList([":status": "200", "content-type": "application/grpc"])
  private let request = HTTP2HeaderList([
    ":method": "POST", ":scheme": "https", ":path": "/a/B", ":authority": "x",
  ])

  init(choices: UInt8) { self.choices = choices }

  func openRequests(_ count: Int) {
    for number in 0..<count {
      guard
        let stream = try? session?.request(request, endStream: number % 3 == 2, context: nil)
      else { return }
      known[stream.id] = stream
      if number % 3 == 0 { write(stream, 100) }
    }
  }

  func drained(_ stream: HTTP2Stream) {
    if choice() % 3 == 0 { write(stream, 5000) } else { finish(stream) }
  }

  /// The next of a run of choices that the first byte decides.
  private func choice() -> UInt8 {
    choices = choices &* 5 &+ 113
    return choices >> 3
  }

  private func write(_ stream: HTTP2Stream, _ count: Int) {
    session?.write(count, on: stream) { target in
      target.initializeMemory(as: UInt8.self, repeating: 7)
      return count
    }
  }

  private func finish(_ stream: HTTP2Stream) {
    session?.end(stream, trailers: choice() % 2 == 0 ? HTTP2HeaderList(["grpc-status": "0"]) : nil)
  }

  private func answer(_ stream: HTTP2Stream) {
    guard let session, session.role == .server, !stream.isEnded,
      answered.insert(stream.id).inserted
    else { return }
    switch choice() % 6 {
    case 0: session.respond(headers, endStream: true, on: stream)
    case 1: session.reset(stream, .cancel)
    case 2:
      session.respond(headers, endStream: false, on: stream)
      write(stream, 20_000)
      finish(stream)
    case 3:
      session.respond(headers, endStream: false, on: stream)
      write(stream, 10)
    case 4:
      session.respond(headers, endStream: false, on: stream)
      finish(stream)
    default: break
    }
  }

  // MARK: - HTTP2SessionDelegate

  func received(
    _ block: borrowing HTTP2HeaderBlock, _ kind: HTTP2HeaderKind, on stream: HTTP2Stream,
    endStream: Bool
  ) {
    known[stream.id] = stream
    var bytes = 0
    for index in 0..<block.count {
      let field = block[index]
      bytes += Array(field.name).count + Array(field.value).count
    }
    _ = block.value(of: ":path")
    if kind == .request, choice() % 2 == 0 { answer(stream) }
    if endStream { answer(stream) }
  }

  func received(_ chunk: UnsafeRawBufferPointer, on stream: HTTP2Stream) {
    _ = chunk.reduce(0 as UInt8) { $0 ^ $1 }
    if choice() % 2 == 0 { session?.giveBack(chunk.count, on: stream) }
    if choice() % 7 == 0 { session?.widenWindow(to: 1 << 20, on: stream) }
  }

  func receivedEnd(on stream: HTTP2Stream) { answer(stream) }

  func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    known[stream.id] = nil
  }

  func receivedPingAcknowledgement(_ payload: UInt64) {}

  func receivedGoAway(lastStreamID: Int32, _ code: HTTP2ErrorCode, debug: String) {
    if choice() % 2 == 0 { session?.ping(1) }
  }

  func receivedSettings() { _ = session?.peerMaxConcurrentStreams }
}
