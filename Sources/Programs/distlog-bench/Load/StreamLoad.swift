internal import GRPCWire
internal import RPC

/// Sends requests on one stream of a channel, up to a limit ahead of the answers.
final class StreamLoad: Load, ClientCallHandler {
  /// Bytes handed to the channel ahead of the socket: enough to fill full TLS records.
  private static let mostBufferedBytes = 256 << 10
  /// Answers between two readings of the clock.
  private static let clockEvery: UInt64 = 16

  var tally = Tally()
  private let channel: RPCChannel
  private let path: String
  private let answers: AnswerKind
  private let bytes: RecordBytes
  private let perRequest: UInt64
  /// Requests sent but not answered, at most.
  private let inFlight: UInt64
  private let firstNumber: UInt64
  private var call: ClientCall?
  private var sent: UInt64 = 0
  private var answered: UInt64 = 0
  /// When each unanswered request was sent, by its ordinal modulo `inFlight`.
  private var sentAt: [UInt64]
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
    self.inFlight = UInt64(inFlight)
    self.firstNumber = firstNumber
    perRequest = UInt64(bytes.recordsPerRequest)
    sentAt = [UInt64](repeating: 0, count: inFlight)
  }

  func start() {
    let call = channel.start(path, handler: self)
    self.call = call
    fill(call)
  }

  func stop(_ done: @escaping () -> Void) {
    guard let call else { return done() }
    isStopping = true
    self.done = done
    call.halfClose()
  }

  func receive(_ message: UnsafeRawBufferPointer, on call: ClientCall) {
    let number = firstNumber + answered * perRequest
    let slot = Int(answered % inFlight)
    answered += 1
    if let failure = answers.read(message, number: number, of: bytes, into: &tally) {
      tally.failed(failure)
    }
    tally.messages &+= 1
    if answered % Self.clockEvery == 0 {
      tally.latency.record(monotonicNow() &- sentAt[slot], times: Self.clockEvery)
    }
    if sent - answered <= inFlight - inFlight / 4 { fill(call) }
  }

  func readyToSend(on call: ClientCall) { fill(call) }

  func ended(_ status: Status, trailers: Metadata, on call: ClientCall) {
    if status.code != .ok {
      tally.failed("\(status.code.name): \(status.message)")
    } else if answered != sent {
      tally.failed("\(sent - answered) requests without an answer")
    }
    self.call = nil
    let done = self.done
    self.done = nil
    done?()
  }

  private func fill(_ call: ClientCall) {
    guard !isStopping, sent - answered < inFlight else { return }
    let now = monotonicNow()
    while sent - answered < inFlight, call.bufferedBytes < Self.mostBufferedBytes {
      let number = firstNumber + sent * perRequest
      sentAt[Int(sent % inFlight)] = now
      sent += 1
      call.send(capacity: bytes.requestBytes) { bytes.writeRequest(first: number, to: $0) }
    }
  }
}
