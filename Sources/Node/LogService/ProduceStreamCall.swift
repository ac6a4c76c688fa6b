import GRPCWire
import LogAPI
import NIOCore
import Protobuf
import RPC

/// One ProduceStream: requests in, one answer each, in the order of the requests.
///
/// The stream's flow-control window is given back when a request is answered, so a client has at
/// most a window of unwritten records here.
///
/// Invariant: `refused` is ordered by `after`, the number of accepted requests to answer before it.
final class ProduceStreamCall: ProduceWaiter, ServerCallHandler, OpenCall {
  private struct Refusal {
    let after: UInt64
    let bytes: Int
    let status: Status
    let keepsStream: Bool
  }

  private let service: LogServiceCore
  private let loop: ServiceLoop
  private var call: ServerCall?
  private var accepted: UInt64 = 0
  private var answered: UInt64 = 0
  private var refused: [Refusal] = []
  /// The client said it sends no more, or a failure or the server's stop ended the intake.
  private var isClosing = false
  private var lastStatus = Status.ok
  /// A request failed without an answer of its own: no later one may be answered, or the client
  /// would take that answer for the failed one's.
  private var isBroken = false
  /// Window bytes of answered requests, not yet given back.
  private var owed = 0

  private var isWide = false
  /// A stream that had this many requests answered gets the wide window.
  private static let requestsForWideWindow: UInt64 = 512

  /// Failures that wait for the answers before them; with more the stream ends, as each holds memory.
  private static let mostRefusals = 256

  /// Answers a client leaves unread; with more of them it is given no window for new requests.
  private static let mostUnreadBytes = 256 << 10

  init(_ service: LogServiceCore, _ loop: ServiceLoop, _ call: ServerCall) {
    self.service = service
    self.loop = loop
    self.call = call
    super.init(subject: call.subject)
    call.holdsWindow = true
    loop.opened(self)
  }

  override var hasUnanswered: Bool { accepted - answered > 1 }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    guard !isClosing else { return call.giveBack(message.count) }
    switch service.validate(message, by: loop.requests) {
    case .success(let summary):
      accepted += 1
      loop.submit(message, summary, for: self)
    case .failure(let status):
      refuse(message, status)
    }
  }

  private func refuse(_ message: UnsafeRawBufferPointer, _ status: Status) {
    let keepsStream =
      refused.count < Self.mostRefusals && service.wantsInlineFailures(message, by: loop.requests)
    refused.append(
      Refusal(
        after: accepted, bytes: message.count, status: status, keepsStream: keepsStream))
    if !keepsStream {
      isClosing = true
      lastStatus = status
    }
    answerRefusals()
    finishIfDone()
  }

  override func committed(
    _ entries: UnsafeBufferPointer<Submission.Entry>, term: UInt64
  ) {
    guard !isBroken else {
      answered += UInt64(entries.count)
      return finishIfDone()
    }
    guard refused.isEmpty else { return answerBetweenRefusals(entries, term) }
    answered += UInt64(entries.count)
    guard let call else { return }
    ProduceAnswer.send(entries, term: term, on: call)
    var bytes = 0
    for entry in entries { bytes += entry.length }
    owe(bytes, to: call)
    if !isWide, answered >= Self.requestsForWideWindow {
      isWide = true
      call.widenWindow(to: service.limits.produceWindowBytes)
    }
    if isClosing { finishIfDone() }
  }

  private func answerBetweenRefusals(
    _ entries: UnsafeBufferPointer<Submission.Entry>, _ term: UInt64
  ) {
    for entry in entries {
      answered += 1
      guard let call else { continue }
      ProduceAnswer.send(entry, term: term, on: call)
      owe(entry.length, to: call)
      answerRefusals()
    }
    finishIfDone()
  }

  override func failed(_ entry: Submission.Entry, _ failure: LogFailure) {
    answered += 1
    guard let call else { return }
    owe(entry.length, to: call)
    if entry.wantsInlineFailure, !isBroken {
      send(Status(failure), on: call)
    } else if !isBroken {
      isBroken = true
      isClosing = true
      lastStatus = Status(failure)
    }
    answerRefusals()
    finishIfDone()
  }

  private func answerRefusals() {
    guard let call else { return }
    while let next = refused.first, next.after <= answered {
      refused.removeFirst()
      owe(next.bytes, to: call)
      if next.keepsStream, !isBroken { send(next.status, on: call) }
    }
  }

  private func send(_ status: Status, on call: ServerCall) {
    var response = ProduceResponse()
    response.failure = Failure(status)
    let bytes = response.serialized()
    bytes.withUnsafeBytes { call.send($0) }
  }

  private func finishIfDone() {
    guard isClosing, answered == accepted, refused.isEmpty, let call else { return }
    release()
    call.finish(lastStatus)
  }

  func receiveEnd(on call: ServerCall) {
    isClosing = true
    finishIfDone()
  }

  func readyToSend(on call: ServerCall) {
    owe(0, to: call)
  }

  private func owe(_ bytes: Int, to call: ServerCall) {
    owed += bytes
    guard owed > 0, call.bufferedBytes <= Self.mostUnreadBytes else { return }
    call.giveBack(owed)
    owed = 0
  }

  func ended(_ reason: CallEnd, on call: ServerCall) {
    release()
  }

  func statusAtDeadline(on call: ServerCall) -> Status {
    answered == accepted ? .deadlineExceeded : .outcomeUnknownAtDeadline
  }

  func statusWhenStopping(on call: ServerCall) -> Status {
    answered == accepted ? .draining : .outcomeUnknownWhenStopping
  }

  var serverCall: ServerCall? { call }

  func refuse(_ status: Status) {
    guard !isClosing else { return }
    isClosing = true
    lastStatus = status
    finishIfDone()
  }

  func drain() { refuse(.draining) }

  func check(_ now: NIODeadline) {}

  private func release() {
    call = nil
    loop.closed(self)
  }
}
