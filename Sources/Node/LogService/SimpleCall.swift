import GRPCWire
import LogAPI
import NIOCore
import Protobuf
import RPC

/// A unary call that is answered at once from what is in memory.
final class SimpleCall<Request: ProtobufMessage, Response: ProtobufMessage>: ServerCallHandler {
  private let service: LogServiceCore
  private let answer: (Request) -> Result<Response, Status>

  init(
    _ service: LogServiceCore, _ answer: @escaping (Request) -> Result<Response, Status>
  ) {
    self.service = service
    self.answer = answer
  }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    call.finish(with: service.decode(Request.self, message).flatMap(answer))
  }
}

/// A unary call whose answer comes from elsewhere, later.
final class AsyncCall<Request: ProtobufMessage, Response: ProtobufMessage>: ServerCallHandler {
  private let service: LogServiceCore
  private let answer: @Sendable (Request) async -> Result<Response, Status>
  /// Given to the log: from here on nobody can say that nothing was written.
  private var isUnderWay = false

  init(
    _ service: LogServiceCore,
    _ answer: @escaping @Sendable (Request) async -> Result<Response, Status>
  ) {
    self.service = service
    self.answer = answer
  }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    switch service.decode(Request.self, message) {
    case .failure(let status): call.finish(status)
    case .success(let request):
      isUnderWay = true
      let box = UncheckedBox(call)
      let eventLoop = call.eventLoop
      Task { [answer] in
        let result = await answer(request)
        // A call that has ended by then ignores its answer.
        eventLoop.execute { box.value.finish(with: result) }
      }
    }
  }

  func statusAtDeadline(on call: ServerCall) -> Status {
    isUnderWay ? .outcomeUnknownAtDeadline : .deadlineExceeded
  }

  func statusWhenStopping(on call: ServerCall) -> Status {
    isUnderWay ? .outcomeUnknownWhenStopping : .draining
  }
}

/// A unary call whose answer may have to wait for the disk; it is made on the reader thread.
final class DiskCall<Request: ProtobufMessage, Response: ProtobufMessage>: ServerCallHandler {
  private let service: LogServiceCore
  private let answer: @Sendable (Request) -> Result<Response, Status>

  init(
    _ service: LogServiceCore,
    _ answer: @escaping @Sendable (Request) -> Result<Response, Status>
  ) {
    self.service = service
    self.answer = answer
  }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    switch service.decode(Request.self, message) {
    case .failure(let status): call.finish(status)
    case .success(let request):
      // A call that has ended by then ignores its answer.
      service.onReaderThread(call.eventLoop, { [answer] in answer(request) }) { result in
        call.finish(with: result)
      }
    }
  }
}

extension ServerCall {
  /// Sends the only response of a unary call and ends it well, or ends it with the status.
  func finish(with result: Result<some ProtobufMessage, Status>) {
    switch result {
    case .failure(let status): finish(status)
    case .success(let response):
      response.serialized().withUnsafeBytes { send($0) }
      finish(.ok)
    }
  }
}
