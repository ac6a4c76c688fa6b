internal import GRPCWire
internal import NIOCore
internal import Synchronization

/// What a streaming call and a task hand to each other: messages both ways, each way bounded.
///
/// Responses: the server's window is given back as the task takes messages, so at most a window of them,
/// or one message, waits here. Requests: a task that is far ahead of the socket is made to wait.
final class StreamMailbox: Sendable {
  /// A sender waits while more than this is on its way to the socket.
  private static let maxRequestBytes = 256 << 10

  private struct Shared {
    var responses: [[UInt8]] = []
    /// nil while the call is open.
    var end: Result<Void, RPCError>?
    var reader: CheckedContinuation<Void, Never>?
    var requests: [[UInt8]] = []
    var requestsEnded = false
    /// Bytes enqueued and not yet taken by HTTP/2.
    var requestBytes = 0
    var senders: [CheckedContinuation<Void, Never>] = []
    var isSendScheduled = false
    var isCancelled = false
  }

  private let channel: RPCChannel
  private let shared = Mutex(Shared())
  private let handler = Handler()

  init(_ channel: RPCChannel) { self.channel = channel }

  func open(
    _ path: String, shape: StreamingShape, metadata: [(String, String)], timeout: Duration?
  ) {
    channel.eventLoop.execute { [self] in
      if shared.withLock({ $0.isCancelled }) { return end(.failure(.cancelled)) }
      handler.mailbox = self
      let call = channel.start(
        path, shape: shape, metadata: metadata, timeout: timeout, handler: handler)
      call.holdsWindow = true
      handler.call = call
      sendRequests()
    }
  }

  /// Gives the call up; harmless when it has ended.
  func cancel() {
    let isOpen = shared.withLock { shared in
      shared.isCancelled = true
      return shared.end == nil
    }
    guard isOpen else { return }
    channel.eventLoop.execute { [handler] in handler.call?.cancel() }
  }

  // MARK: - Responses

  /// All messages that have come, at least one; nil at the end of a call that went well.
  func take() async throws(RPCError) -> [[UInt8]]? {
    while true {
      let taken = shared.withLock { shared in
        let taken = shared.responses
        shared.responses = []
        return (taken, shared.end)
      }
      if !taken.0.isEmpty {
        giveBack(taken.0.reduce(0) { $0 + $1.count })
        return taken.0
      }
      if let end = taken.1 {
        try end.get()
        return nil
      }
      await withTaskCancellationHandler {
        await withCheckedContinuation { waitForResponse($0) }
      } onCancel: {
        cancel()
      }
    }
  }

  private func waitForResponse(_ continuation: CheckedContinuation<Void, Never>) {
    let isThere = shared.withLock { shared in
      precondition(shared.reader == nil, "two tasks read the same call")
      guard shared.responses.isEmpty, shared.end == nil else { return true }
      shared.reader = continuation
      return false
    }
    if isThere { continuation.resume() }
  }

  private func giveBack(_ bytes: Int) {
    channel.eventLoop.execute { [handler] in handler.call?.giveBack(bytes) }
  }

  private func deliver(_ message: UnsafeRawBufferPointer) {
    let reader = shared.withLock { shared in
      shared.responses.append(Array(message))
      defer { shared.reader = nil }
      return shared.reader
    }
    reader?.resume()
  }

  private func end(_ result: Result<Void, RPCError>) {
    let (reader, senders) = shared.withLock { shared in
      if shared.end == nil { shared.end = shared.isCancelled ? .failure(.cancelled) : result }
      defer {
        shared.reader = nil
        shared.senders = []
        shared.requests = []
      }
      return (shared.reader, shared.senders)
    }
    reader?.resume()
    for sender in senders { sender.resume() }
  }

  // MARK: - Requests

  /// Puts a message on its way without waiting.
  func enqueue(_ message: [UInt8]) {
    schedule { shared in
      shared.requests.append(message)
      shared.requestBytes += message.count
    }
  }

  func enqueueEnd() { schedule { $0.requestsEnded = true } }

  /// Puts a message on its way, first waiting while too much is before it; the call's error when it has ended.
  func send(_ message: [UInt8]) async throws(RPCError) {
    while true {
      let (isFull, end) = shared.withLock { ($0.requestBytes >= Self.maxRequestBytes, $0.end) }
      if let end {
        try end.get()
        throw .status(Status(.failedPrecondition, "the server has ended the call"))
      }
      if Task.isCancelled {
        cancel()
        throw .cancelled
      }
      guard isFull else { return enqueue(message) }
      await withTaskCancellationHandler {
        await withCheckedContinuation { waitForRoom($0) }
      } onCancel: {
        cancel()
      }
    }
  }

  private func waitForRoom(_ continuation: CheckedContinuation<Void, Never>) {
    let goesOn = shared.withLock { shared in
      guard shared.requestBytes >= Self.maxRequestBytes, shared.end == nil else { return true }
      shared.senders.append(continuation)
      return false
    }
    if goesOn { continuation.resume() }
  }

  private func schedule(_ change: (inout Shared) -> Void) {
    let mustWake = shared.withLock { shared in
      guard shared.end == nil else { return false }
      change(&shared)
      defer { shared.isSendScheduled = true }
      return !shared.isSendScheduled
    }
    if mustWake { channel.eventLoop.execute { [self] in sendRequests() } }
  }

  /// On the event loop: hands all that is enqueued to the call.
  private func sendRequests() {
    guard let call = handler.call else { return }
    let (messages, isEnd) = shared.withLock { shared in
      defer { shared.requests = [] }
      shared.isSendScheduled = false
      return (shared.requests, shared.requestsEnded)
    }
    for message in messages { message.withUnsafeBytes { call.send($0) } }
    if isEnd { call.halfClose() }
    noteTaken(call)
  }

  private func noteTaken(_ call: ClientCall) {
    let senders = shared.withLock { shared -> [CheckedContinuation<Void, Never>] in
      shared.requestBytes = call.bufferedBytes + shared.requests.reduce(0) { $0 + $1.count }
      guard shared.requestBytes < Self.maxRequestBytes else { return [] }
      defer { shared.senders = [] }
      return shared.senders
    }
    for sender in senders { sender.resume() }
  }
}

extension StreamMailbox {
  /// The event loop's side. Touched there only.
  private final class Handler: ClientCallHandler, @unchecked Sendable {
    /// Kept until the call ends.
    var mailbox: StreamMailbox?
    var call: ClientCall?

    func receive(_ message: UnsafeRawBufferPointer, on call: ClientCall) {
      mailbox?.deliver(message)
    }

    func readyToSend(on call: ClientCall) { mailbox?.noteTaken(call) }

    func ended(_ status: Status, trailers: Metadata, on call: ClientCall) {
      let error = call.connectError ?? .status(status)
      let mailbox = self.mailbox
      self.mailbox = nil
      self.call = nil
      mailbox?.end(status.code == .ok ? .success(()) : .failure(error))
    }
  }
}
