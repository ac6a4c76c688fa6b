import GRPCWire
import RPC

/// Sends back every message it gets: `/bench.Echo/Unary` one, `/bench.Echo/Stream` any number; and
/// `/bench.Echo/Flood`, which sends messages for ever, as fast as they are taken.
enum EchoService {
  static let unaryPath = "/bench.Echo/Unary"
  static let streamPath = "/bench.Echo/Stream"
  static let floodPath = "/bench.Echo/Flood"

  static var methods: [RPCMethod] {
    [
      RPCMethod(path: unaryPath, shape: .unary) { _ in UnaryEcho.shared.value },
      RPCMethod(path: streamPath, shape: .bidirectional) { _ in StreamEcho.shared.value },
      RPCMethod(path: floodPath, shape: .serverStreaming) { _ in Flood() },
    ]
  }

  /// Handlers without state serve all calls of all event loops.
  struct Shared<Handler: ServerCallHandler>: @unchecked Sendable {
    let value: Handler
  }
}

private final class UnaryEcho: ServerCallHandler {
  static let shared = EchoService.Shared(value: UnaryEcho())

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    call.send(message)
    call.finish()
  }
}

private final class StreamEcho: ServerCallHandler {
  static let shared = EchoService.Shared(value: StreamEcho())

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) { call.send(message) }
  func receiveEnd(on call: ServerCall) { call.finish() }
}

/// The request is a message's size in decimal, or a message of that size.
private final class Flood: ServerCallHandler {
  private var size = 0

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    size = Int(String(decoding: message.prefix(8), as: UTF8.self)) ?? message.count
    readyToSend(on: call)
  }

  func readyToSend(on call: ServerCall) {
    call.send(capacity: size) { target in
      target.initializeMemory(as: UInt8.self, repeating: 0x61)
      return size
    }
  }
}
