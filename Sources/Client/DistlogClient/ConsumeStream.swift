internal import GRPCWire
internal import LogAPI
internal import NIOCore
internal import Protobuf
internal import RPC
internal import Synchronization

/// One ConsumeStream call: its messages wait here until they are taken, and only then does the
/// server get room to send more.
///
/// What is shared lies behind a lock; the rest belongs to the channel's event loop, hence unchecked.
final class ConsumeStream: @unchecked Sendable {
  private typealias Waiter = CheckedContinuation<Void, Never>

  private struct Shared {
    /// Not taken yet. Invariant: at most a stream window of bytes.
    var batches = CircularBuffer<RecordBatch>()
    var waiter: Waiter?
    /// nil: the end was reached.
    var end: Result<Void, DistlogError>?
    var lastHeard = NIODeadline.now()
    /// Of the newest message, with records or without.
    var position: UInt64 = 0
  }

  private let channel: RPCChannel
  private let shared = Mutex(Shared())
  /// The longest silence of a server that was asked for heartbeats; nil: no limit.
  private let maxSilence: Duration?

  // On the event loop.
  private var call: ClientCall?
  private var watch: RepeatedTask?
  private var ownFailure: DistlogError?

  init(_ request: ConsumeRequest, on channel: RPCChannel, maxSilence: Duration?) {
    self.channel = channel
    self.maxSilence = maxSilence
    let message = request.serialized()
    channel.eventLoop.execute { self.open(message) }
  }

  // MARK: - From anywhere

  /// The next message; nil at the end. By one task at a time; gives CANCELLED when it is cancelled.
  func next() async throws(DistlogError) -> RecordBatch? {
    while true {
      let (batch, end) = shared.withLock { ($0.batches.popFirst(), $0.end) }
      if let batch {
        if end == nil { channel.eventLoop.execute { self.call?.giveBack(batch.messageBytes) } }
        return batch
      }
      if let end {
        try end.get()
        return nil
      }
      await arrival()
    }
  }

  private func arrival() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: Waiter) in
        let isDue = shared.withLock { shared in
          let isDue = !shared.batches.isEmpty || shared.end != nil
          if !isDue { shared.waiter = continuation }
          return isDue
        }
        if isDue { continuation.resume() }
      }
    } onCancel: {
      cancel()
    }
  }

  /// Where to resume once everything that came was taken; 0 before the first message.
  var position: UInt64 { shared.withLock { $0.position } }

  /// Ends the call; what was not taken is dropped.
  func cancel() {
    // After the end the client may be closed, and its event loop gone.
    guard shared.withLock({ $0.end == nil }) else { return }
    channel.eventLoop.execute { self.giveUp(.cancelled) }
  }

  // MARK: - On the event loop

  private func open(_ message: [UInt8]) {
    guard ownFailure == nil else { return }
    shared.withLock { $0.lastHeard = .now() }
    let call = channel.start(LogMethod.consumeStream.path, shape: .serverStreaming, handler: self)
    call.holdsWindow = true
    self.call = call
    message.withUnsafeBytes { call.send($0) }
    call.halfClose()
    guard let maxSilence else { return }
    let interval = TimeAmount(maxSilence / 4)
    watch = channel.eventLoop.scheduleRepeatedTask(
      initialDelay: interval, delay: interval
    ) { [weak self] _ in self?.checkSilence(maxSilence) }
  }

  /// Silence counts only while somebody waits: a reader who takes nothing gets nothing.
  private func checkSilence(_ limit: Duration) {
    let isStalled = shared.withLock { shared in
      guard shared.waiter != nil else {
        shared.lastHeard = .now()
        return false
      }
      return NIODeadline.now() - shared.lastHeard > TimeAmount(limit)
    }
    guard isStalled else { return }
    var error = DistlogError.timedOut("the server sent nothing", after: limit)
    error.reason = "STREAM_STALLED"
    giveUp(error)
  }

  private func giveUp(_ error: DistlogError) {
    if ownFailure == nil { ownFailure = error }
    guard let call else { return finish(.failure(error)) }
    call.cancel()
  }

  private func finish(_ end: Result<Void, DistlogError>) {
    watch?.cancel()
    call = nil
    let waiter = shared.withLock { shared in
      if shared.end == nil { shared.end = end }
      return shared.waiter.take()
    }
    waiter?.resume()
  }
}

extension ConsumeStream: ClientCallHandler {
  func receive(_ message: UnsafeRawBufferPointer, on call: ClientCall) {
    do {
      let batch = try RecordBatch(copying: message)
      let isForReader = batch.count > 0 || batch.lostRecords > 0
      let waiter = shared.withLock { shared in
        shared.lastHeard = .now()
        shared.position = max(shared.position, batch.nextOffset)
        guard isForReader else { return nil as Waiter? }
        shared.batches.append(batch)
        return shared.waiter.take()
      }
      if !isForReader { call.giveBack(message.count) }
      waiter?.resume()
    } catch {
      giveUp(.malformedAnswer("log.v1.ConsumeResponse", error))
    }
  }

  func readyToSend(on call: ClientCall) {}

  func ended(_ status: Status, trailers: Metadata, on call: ClientCall) {
    if let ownFailure { return finish(.failure(ownFailure)) }
    finish(status == .ok ? .success(()) : .failure(DistlogError(status, of: call)))
  }
}
