import HTTP2
import NIOCore
import TLS

extension ClientConnection {
  /// Plain bytes gathered for one TLS write: whole records.
  private static let pieceBytes = 4 * TLSSession.maxRecordBytes
  private static let maxPiecesPerTurn = 16

  /// Sends what there is, as far as the socket takes it, and asks calls whose output was taken for more.
  func flush() {
    guard let context, phase != .closed, !isFlushing else { return }
    isFlushing = true
    sendPendingTLS()
    if tls == nil || tls?.state == .established { pump(context) }
    isFlushing = false
    context.flush()
    if phase == .draining, session.streamCount == 0 { close() }
  }

  /// In pieces that are in the socket before the next one is made; others get their turn in between.
  private func pump(_ context: ChannelHandlerContext) {
    let output = memory.output
    do {
      for _ in 0..<Self.maxPiecesPerTurn {
        guard context.channel.isWritable else { return }
        output.removeAll()
        var hadDrained: Bool
        repeat {
          try session.pump(into: output, upTo: Self.pieceBytes)
          hadDrained = session.hasDrained && output.count < Self.pieceBytes
          if hadDrained { session.takeDrained { Self.call(of: $0)?.readyToSend() } }
        } while hadDrained
        if output.count == 0 { return }
        try send(output.bytes, context)
      }
      isFlushing = false
      outputAdded()
    } catch let error as TLSError {
      fail(.tls, error.description)
    } catch {
      fail(.protocol, "\(configuration.authority): \(error)")
    }
  }

  private func send(_ bytes: UnsafeRawBufferPointer, _ context: ChannelHandlerContext) throws {
    let room = tls?.maxCiphertextBytes(for: bytes.count) ?? bytes.count
    memory.wire.clear(minimumCapacity: room)
    try memory.wire.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
      if let tls { return try tls.write(bytes, into: target) }
      target.copyMemory(from: bytes)
      return bytes.count
    }
    context.writeAndFlush(wrapOutboundOut(memory.wire), promise: nil)
  }

  /// Handshake messages and alerts.
  func sendPendingTLS() {
    guard let tls, let context, tls.pendingBytes > 0 else { return }
    var buffer = context.channel.allocator.buffer(capacity: tls.pendingBytes)
    _ = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: tls.pendingBytes) {
      tls.takePending(into: $0)
    }
    context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
  }
}
