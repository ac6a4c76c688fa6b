import GRPCWire
import HTTP2
import NIOCore

/// What HTTP/2 tells the connection; most of it goes on to the call.
extension ClientConnection: HTTP2SessionDelegate {
  func received(
    _ block: borrowing HTTP2HeaderBlock, _ kind: HTTP2HeaderKind, on stream: HTTP2Stream,
    endStream: Bool
  ) {
    guard let call = Self.call(of: stream) else { return }
    if block.isTooLarge {
      return call.refused(Status(.resourceExhausted, "the server's headers are over the limit"))
    }
    call.receivedHeaders(block, isTrailers: kind == .trailers, endStream: endStream)
  }

  func received(_ chunk: UnsafeRawBufferPointer, on stream: HTTP2Stream) {
    guard let raw = stream.context else { return }
    Unmanaged<ClientCall>.fromOpaque(raw)._withUnsafeGuaranteedRef {
      $0.received(chunk, on: stream, session: session)
    }
  }

  func receivedEnd(on stream: HTTP2Stream) { Self.call(of: stream)?.receivedEnd() }

  func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    guard let raw = stream.context else { return }
    stream.context = nil
    Unmanaged<ClientCall>.fromOpaque(raw).takeRetainedValue().closed(
      code, notProcessed: code == .refusedStream || stream.id > lastStreamID)
    owner.roomFreed(self)
  }

  func receivedSettings() {
    maxStreams = session.peerMaxConcurrentStreams
    guard phase == .awaitingSettings || phase == .handshaking, let context else { return }
    phase = .ready
    if let interval = configuration.keepaliveInterval {
      keepalive = Keepalive(
        interval: interval, timeout: configuration.keepaliveTimeout, on: context.eventLoop,
        ask: {
          self.session.ping(0)
          self.outputAdded()
        },
        dead: { self.fail(.timeout, self.silenceText) })
    }
    owner.connectionReady(self)
  }

  private var silenceText: String {
    lostText(
      "no answer to a PING within \(ConnectSentences.text(.init(configuration.keepaliveTimeout)))")
  }

  func receivedPingAcknowledgement(_ payload: UInt64) {}

  func receivedGoAway(lastStreamID: Int32, _ code: HTTP2ErrorCode, debug: String) {
    self.lastStreamID = lastStreamID
    startDraining()
  }
}
