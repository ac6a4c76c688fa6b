internal import GRPCWire
internal import NIOCore

/// Calls from anywhere, for those who count calls and not messages; each ends when its task is cancelled.
extension RPCChannel {
  /// How often a call is made again that a server refused without looking at it.
  private static let maxAttempts = 3

  /// One request, one response.
  package func unary(
    _ path: String, _ request: [UInt8], metadata: [(String, String)] = [], timeout: Duration? = nil
  ) async throws(RPCError) -> [UInt8] {
    let deadline = timeout.map { NIODeadline.now() + TimeAmount($0) }
    for attempt in 1... {
      let left = deadline.map { Duration.nanoseconds(max(0, ($0 - .now()).nanoseconds)) }
      let outcome = await unaryOnce(path, request, metadata: metadata, timeout: left)
      if outcome.mayRepeat, attempt < Self.maxAttempts, !Task.isCancelled { continue }
      return try outcome.result.get()
    }
    throw .cancelled
  }

  /// One request, any number of responses, read as fast as they are taken.
  package func serverStream(
    _ path: String, _ request: [UInt8], metadata: [(String, String)] = [], timeout: Duration? = nil
  ) -> ResponseStream {
    let mailbox = StreamMailbox(self)
    mailbox.open(path, shape: .serverStreaming, metadata: metadata, timeout: timeout)
    mailbox.enqueue(request)
    mailbox.enqueueEnd()
    return ResponseStream(mailbox)
  }

  /// Any number of messages both ways.
  package func bidirectional(
    _ path: String, metadata: [(String, String)] = [], timeout: Duration? = nil
  ) -> BidirectionalCall {
    let mailbox = StreamMailbox(self)
    mailbox.open(path, shape: .bidirectional, metadata: metadata, timeout: timeout)
    return BidirectionalCall(mailbox)
  }

  private func unaryOnce(
    _ path: String, _ request: [UInt8], metadata: [(String, String)], timeout: Duration?
  ) async -> UnaryOutcome {
    let handler = UnaryHandler()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        eventLoop.execute {
          handler.continuation = continuation
          if handler.isCancelled { return handler.finish(.failure(.cancelled)) }
          let call = self.start(
            path, shape: .unary, metadata: metadata, timeout: timeout, handler: handler)
          handler.call = call
          request.withUnsafeBytes { call.send($0) }
          call.halfClose()
        }
      }
    } onCancel: {
      eventLoop.execute {
        handler.isCancelled = true
        handler.call?.cancel()
      }
    }
  }
}

struct UnaryOutcome: Sendable {
  var result: Result<[UInt8], RPCError>
  /// The server says that it did nothing for the call.
  var mayRepeat: Bool
}

/// Gathers the one response of a unary call. Touched on the event loop only.
private final class UnaryHandler: ClientCallHandler, @unchecked Sendable {
  var continuation: CheckedContinuation<UnaryOutcome, Never>?
  var call: ClientCall?
  var isCancelled = false
  private var response: [UInt8] = []

  func receive(_ message: UnsafeRawBufferPointer, on call: ClientCall) {
    response = Array(message)
  }

  func readyToSend(on call: ClientCall) {}

  func ended(_ status: Status, trailers: Metadata, on call: ClientCall) {
    // One that never had a connection is not made again: the caller learns why.
    let mayRepeat = call.wasNotProcessed && call.connectError == nil && !isCancelled
    let error = call.connectError ?? (isCancelled ? .cancelled : .status(status))
    finish(status.code == .ok ? .success(response) : .failure(error), mayRepeat: mayRepeat)
  }

  func finish(_ result: Result<[UInt8], RPCError>, mayRepeat: Bool = false) {
    continuation?.resume(returning: UnaryOutcome(result: result, mayRepeat: mayRepeat))
    continuation = nil
    call = nil
  }
}
