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

  private let channel: RPCChannel
  private let path: String
  private let metadata: [(String, String)]
  /// Bytes that may wait for the connection.
  private let mostBuffered: Int
  private let onEnd: (String?) -> Void
  private var toldReason: String?
  private var call: ClientCall?
  private var opensAt = NIODeadline.uptimeNanoseconds(0)
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

  /// Whether a stream is open and takes what it is given.
  var isConnected: Bool { call.map { $0.bufferedBytes == 0 } ?? false }

  func receive(_ message: UnsafeRawBufferPointer, on call: ClientCall) {}

  func readyToSend(on call: ClientCall) {}

  func ended(_ status: Status, trailers: Metadata, on call: ClientCall) {
    self.call = nil
    opensAt = .now() + Self.pause
    guard !isClosed else { return }
    let reason = status.description
    let isNew = reason != toldReason
    // What had a connection is told again when it loses the next.
    toldReason = call.connectError == nil ? nil : reason
    onEnd(isNew ? reason : nil)
  }

  /// Ends the stream; releasing the channel closes its connection.
  func close() {
    isClosed = true
    call?.cancel()
    call = nil
  }
}
