import GRPCWire
import LogAPI
import RPC

/// One unary Produce: a request in, its place in the log out.
final class ProduceCall: ProduceWaiter, ServerCallHandler {
  private let service: LogServiceCore
  private let loop: ServiceLoop
  private var call: ServerCall?
  /// On its way to the log: from here on nobody can say that it was not written.
  private var isSubmitted = false

  init(_ service: LogServiceCore, _ loop: ServiceLoop, _ call: ServerCall) {
    self.service = service
    self.loop = loop
    self.call = call
    super.init(subject: call.subject)
  }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    switch service.validate(message, by: loop.requests) {
    case .failure(let status):
      self.call = nil
      call.finish(status)
    case .success(let summary):
      isSubmitted = true
      loop.submit(message, summary, for: self)
    }
  }

  override func committed(
    _ entries: UnsafeBufferPointer<Submission.Entry>, term: UInt64
  ) {
    guard let call, let entry = entries.first else { return }
    self.call = nil
    ProduceAnswer.send(entry, term: term, on: call)
    call.finish(.ok)
  }

  override func failed(_ entry: Submission.Entry, _ failure: LogFailure) {
    guard let call else { return }
    self.call = nil
    call.finish(Status(failure))
  }

  func receiveEnd(on call: ServerCall) {}

  func readyToSend(on call: ServerCall) {}

  func ended(_ reason: CallEnd, on call: ServerCall) {
    self.call = nil
  }

  func statusAtDeadline(on call: ServerCall) -> Status {
    isSubmitted ? .outcomeUnknownAtDeadline : .deadlineExceeded
  }

  func statusWhenStopping(on call: ServerCall) -> Status {
    isSubmitted ? .outcomeUnknownWhenStopping : .draining
  }
}

/// The answers to produce requests, written in place: one is sent for each request.
enum ProduceAnswer {
  /// More than the largest answer: six fields of at most 11 bytes.
  private static let mostBytes = 72
  /// Answers written at a time.
  private static let mostAtOnce = 64

  static func send(_ entry: Submission.Entry, term: UInt64, on call: ServerCall) {
    call.send(capacity: mostBytes) { write(entry, term, $0) }
  }

  static func send(
    _ entries: UnsafeBufferPointer<Submission.Entry>, term: UInt64, on call: ServerCall
  ) {
    var next = 0
    while next < entries.count {
      let end = min(next + Self.mostAtOnce, entries.count)
      call.send(messages: end - next, ofAtMost: Self.mostBytes) { index, buffer in
        write(entries[next + index], term, buffer)
      }
      next = end
    }
  }

  @inline(__always)
  private static func write(
    _ entry: Submission.Entry, _ term: UInt64, _ buffer: UnsafeMutableRawBufferPointer
  ) -> Int {
    var writer = AnswerWriter(buffer)
    writer.varint(field: 1, entry.firstOffset)
    writer.varint(field: 8, entry.lastOffset)
    writer.fixed64(field: 9, entry.timestamp)
    writer.varint(field: 10, entry.isDuplicate ? 1 : 0)
    writer.varint(field: 11, term)
    writer.varint(field: 12, UInt64(Durability.quorumSynced.rawValue))
    return writer.count
  }
}
