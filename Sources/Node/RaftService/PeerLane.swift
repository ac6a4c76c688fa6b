import GRPCWire
import NIOCore
import RPC

/// One stream of messages to another server, on a connection of its own; opened when there is something to send, and again
/// a moment after it ended. Used on one event loop.
///
/// Messages may be lost, as Raft expects: what comes while there is no connection is dropped, so that nothing old
/// arrives when there is one.
final class PeerLane: ClientCallHandler {
  /// Between the end of a stream and the next attempt.
  private static let pause = TimeAmount.milliseconds(50)
  /// The same where the other server refuses, which it will do again.
  private static let longestPause = TimeAmount.seconds(1)
  /// A stream that was open for so long was not refused.
  private static let lasting = TimeAmount.seconds(1)

  private let channel: RPCChannel
  private let path: String
  private let metadata: [(String, String)]
  /// Bytes that may wait for the connection.
  private let mostBuffered: Int
  private let onEnd: (String?) -> Void
  private var toldReason: String?
  private var call: ClientCall?
  private var opensAt = NIODeadline.uptimeNanoseconds(0)
  private var nextPause = PeerLane.pause
  private var isClosed = false

  init(
    _ channel: RPCChannel, path: String, metadata: [(String, String)], mostBuffered: Int,
    onEnd: @escaping (String?) -> Void
  ) {
    self.channel = channel
    self.path = path
    self.metadata = metadata
    self.mostBuffered = mostBuffered
    self.onEnd = onEnd
  }

  func send(_ message: [UInt8]) {
    guard !isClosed, let call = self.call ?? open(), call.bufferedBytes < mostBuffered else {
      return
    }
    message.withUnsafeBytes { call.send($0) }
  }

  /// Has a stream open, so that it is known whether there is a connection.
  func keepOpen() {
    if !isClosed, call == nil { _ = open() }
  }

  private func open() -> ClientCall? {
    guard NIODeadline.now() >= opensAt else { return nil }
    call = channel.start(path, shape: .clientStreaming, metadata: metadata, handler: self)
    return call
  }

  /// Whether a stream is open on a connection. Where the last one was refused this one has to last first.
  var isConnected: Bool {
    guard let call, call.openedAt != nil else { return false }
    return nextPause == Self.pause || Self.hasLasted(call)
  }

  private static func hasLasted(_ call: ClientCall) -> Bool {
    call.openedAt.map { $0 + lasting <= .now() } ?? false
  }

  func receive(_ message: UnsafeRawBufferPointer, on call: ClientCall) {}

  func readyToSend(on call: ClientCall) {}

  func ended(_ status: Status, trailers: Metadata, on call: ClientCall) {
    self.call = nil
    let hasLasted = Self.hasLasted(call)
    putOff(after: status.code, hasLasted)
    guard !isClosed else { return }
    let reason = status.description
    let isNew = hasLasted || reason != toldReason
    toldReason = reason
    onEnd(isNew ? reason : nil)
  }

  /// Sets when the next stream may be opened: later each time where this one was refused.
  private func putOff(after code: StatusCode, _ hasLasted: Bool) {
    switch code {
    case .failedPrecondition, .permissionDenied, .invalidArgument, .unauthenticated:
      nextPause = hasLasted ? Self.pause * 2 : min(nextPause * 2, Self.longestPause)
    default: nextPause = Self.pause
    }
    opensAt = .now() + nextPause
  }

  /// Ends the stream; releasing the channel closes its connection.
  func close() {
    isClosed = true
    call?.cancel()
    call = nil
  }
}
