import HTTP2
import NIOCore
import TLS

extension ServerConnection {
  /// Chunks written in one turn of the event loop before others get theirs.
  private static let maxChunksPerTurn = 16

  /// Something is to be sent: at the end of the read, or once at the end of the loop's turn.
  func needsFlush() {
    guard !isReading, !isFlushing, !isDirty else { return }
    isDirty = true
    loop.markDirty(self)
  }

  /// Sends as much as there is and the socket takes; calls that can send more are asked for it.
  func flush() {
    guard !isFlushing, !isReading, !isTurnedAway, let context else { return }
    isFlushing = true
    let hasSentAll = sendChunks(context)
    isFlushing = false
    if hasSentAll, isClosing || session?.isFinished == true { finishClosing(context) }
  }

  /// Whether nothing is left that the client lets us send; if not, the socket's readiness or the
  /// loop's next turn brings us back.
  private func sendChunks(_ context: ChannelHandlerContext) -> Bool {
    for _ in 0..<Self.maxChunksPerTurn {
      guard context.channel.isWritable else { return false }
      loop.output.removeAll()
      gather()
      guard write(context) else { return true }
      context.flush()
    }
    if !isDirty {
      isDirty = true
      loop.markDirty(self)
    }
    return false
  }

  /// Fills the loop's output with frames, asking the calls whose buffers ran empty.
  private func gather() {
    guard let session, isEstablished else { return }
    do throws(HTTP2Error) {
      repeat {
        try session.pump(into: loop.output, upTo: ServerLoop.turnBytes)
        guard loop.output.count < ServerLoop.turnBytes, session.hasDrained, !isClosing else {
          return
        }
        session.takeDrained { stream in
          guard let pointer = stream.context else { return }
          Unmanaged<ServerCall>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.readyToSend() }
        }
      } while true
    } catch {
      isClosing = true
    }
  }

  private var isEstablished: Bool {
    guard let tls else { return true }
    return tls.state == .established || tls.state == .closedByPeer
  }

  /// Gives the gathered bytes, and what TLS has pending, to the channel; false when there was
  /// nothing.
  private func write(_ context: ChannelHandlerContext) -> Bool {
    let plain = loop.output.bytes
    guard let tls else {
      guard plain.count > 0 else { return false }
      loop.wire.clear(minimumCapacity: plain.count)
      loop.wire.writeBytes(plain)
      context.write(wrapOutboundOut(loop.wire), promise: nil)
      return true
    }
    guard plain.count > 0 || tls.pendingBytes > 0 else { return false }
    let room = tls.maxCiphertextBytes(for: plain.count)
    loop.wire.clear(minimumCapacity: room)
    loop.wire.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
      guard plain.count > 0 else { return tls.takePending(into: target) }
      do throws(TLSError) {
        return try tls.write(plain, into: target)
      } catch {
        isClosing = true
        return tls.takePending(into: target)
      }
    }
    context.write(wrapOutboundOut(loop.wire), promise: nil)
    return true
  }

  private func finishClosing(_ context: ChannelHandlerContext) {
    isClosing = true
    if let tls {
      tls.close()
      loop.output.removeAll()
      if write(context) { context.flush() }
    }
    tearDown()
    context.close(promise: nil)
  }
}
