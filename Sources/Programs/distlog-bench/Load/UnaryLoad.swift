internal import GRPCWire
internal import RPC

/// Keeps a fixed number of unary calls in flight on one channel.
final class UnaryLoad: Load {
  var tally = Tally()
  fileprivate let channel: RPCChannel
  fileprivate let path: String
  fileprivate let answers: AnswerKind
  fileprivate let bytes: RecordBytes
  private let inFlight: Int
  private var slots: [UnarySlot] = []
  private var nextNumber: UInt64
  private var open = 0
  private var isStopping = false
  private var done: (() -> Void)?

  init(
    _ channel: RPCChannel, path: String, answers: AnswerKind, bytes: RecordBytes, inFlight: Int,
    firstNumber: UInt64
  ) {
    self.channel = channel
    self.path = path
    self.answers = answers
    self.bytes = bytes
    self.inFlight = inFlight
    nextNumber = firstNumber
  }

  func start() {
    for _ in 0..<inFlight {
      let slot = UnarySlot(self)
      slots.append(slot)
      open += 1
      slot.begin()
    }
  }

  func stop(_ done: @escaping () -> Void) {
    isStopping = true
    self.done = done
    finishIfIdle()
  }

  fileprivate func takeNumber() -> UInt64 {
    defer { nextNumber += UInt64(bytes.recordsPerRequest) }
    return nextNumber
  }

  /// A slot is free; whether it goes on.
  fileprivate func goesOn(after failure: String?) -> Bool {
    if let failure { tally.failed(failure) }
    guard isStopping || failure != nil else { return true }
    open -= 1
    finishIfIdle()
    return false
  }

  private func finishIfIdle() {
    guard isStopping, open == 0, let done else { return }
    self.done = nil
    slots.removeAll()
    done()
  }
}

/// One call at a time, the next when it is answered.
private final class UnarySlot: ClientCallHandler {
  // The load owns its slots and outlives their calls.
  private unowned(unsafe) let load: UnaryLoad
  private var number: UInt64 = 0
  private var began: UInt64 = 0
  private var failure: String?
  private var isAnswered = false

  init(_ load: UnaryLoad) { self.load = load }

  func begin() {
    number = load.takeNumber()
    isAnswered = false
    began = monotonicNow()
    let call = load.channel.start(load.path, shape: .unary, handler: self)
    call.send(capacity: load.bytes.requestBytes) { load.bytes.writeRequest(first: number, to: $0) }
    call.halfClose()
  }

  func receive(_ message: UnsafeRawBufferPointer, on call: ClientCall) {
    isAnswered = true
    failure = load.answers.read(message, number: number, of: load.bytes, into: &load.tally)
  }

  func readyToSend(on call: ClientCall) {}

  func ended(_ status: Status, trailers: Metadata, on call: ClientCall) {
    if status.code != .ok {
      failure = "\(status.code.name): \(status.message)"
    } else if !isAnswered {
      failure = "OK without an answer"
    } else {
      load.tally.messages += 1
      load.tally.latency.record(monotonicNow() - began)
    }
    if load.goesOn(after: failure) { begin() }
  }
}
