import GRPCWire
import NIOCore
import NIOPosix
import RPC
import Synchronization

/// A server in plain text whose handlers tell a test what they saw.
final class PlainServer: Sendable {
  let group: MultiThreadedEventLoopGroup
  let server: RPCServer
  let seen = SeenEvents()
  let health = HealthService()

  init(threads: Int = 1, _ change: (inout RPCServerConfiguration) -> Void = { _ in }) async throws {
    group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
    var configuration = RPCServerConfiguration(host: "127.0.0.1", port: 0, tls: nil)
    change(&configuration)
    let seen = seen
    let shapes: [(String, StreamingShape)] = [
      ("Unary", .unary), ("Collect", .clientStreaming), ("Stream", .bidirectional),
    ]
    var methods = shapes.map { name, shape in
      RPCMethod(path: "/test.Wire/\(name)", shape: shape) { _ in EchoAll(seen) }
    }
    methods.append(RPCMethod(path: "/test.Wire/Silent", shape: .bidirectional) { _ in Quiet(seen) })
    methods.append(RPCMethod(path: "/test.Wire/Begun", shape: .unary) { _ in Begun(seen) })
    methods.append(
      RPCMethod(path: "/test.Wire/Much", shape: .serverStreaming) { _ in Much(seen) })
    methods.append(RPCMethod(path: "/test.Wire/Echo", shape: .bidirectional) { _ in Parrot(seen) })
    methods.append(
      RPCMethod(path: "/test.Wire/Endless", shape: .serverStreaming) { _ in Endless(seen) })
    server = try await RPCServer.start(
      configuration, methods: methods + health.methods, group: group)
  }

  func channel() -> RPCChannel {
    RPCChannel(
      RPCChannelConfiguration(host: "127.0.0.1", port: server.port),
      on: MultiThreadedEventLoopGroup.singleton.next())
  }

  func stop() async throws {
    await server.drain(timeout: .milliseconds(20))
    try await group.shutdownGracefully()
  }

  static func with(
    threads: Int = 1, _ change: (inout RPCServerConfiguration) -> Void = { _ in },
    _ body: (PlainServer) async throws -> Void
  ) async throws {
    let server = try await PlainServer(threads: threads, change)
    do { try await body(server) } catch {
      try await server.stop()
      throw error
    }
    try await server.stop()
  }
}

/// What handlers saw, in order; a test waits for an event instead of sleeping.
final class SeenEvents: Sendable {
  private struct State {
    var events: [String] = []
    var waiting: [(String, CheckedContinuation<Void, Never>)] = []
  }

  private let state = Mutex(State())

  var all: [String] { state.withLock { $0.events } }

  func note(_ event: String) {
    let woken = state.withLock { state in
      state.events.append(event)
      let woken = state.waiting.filter { $0.0 == event }
      state.waiting.removeAll { $0.0 == event }
      return woken
    }
    for (_, continuation) in woken { continuation.resume() }
  }

  func wait(for event: String) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.events.contains(event) { return true }
        state.waiting.append((event, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }
}

/// Gathers all messages and sends them back as one when the client is done.
private final class EchoAll: ServerCallHandler {
  private let seen: SeenEvents
  private var text: [UInt8] = []

  init(_ seen: SeenEvents) { self.seen = seen }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) { text += message }

  func receiveEnd(on call: ServerCall) {
    text.withUnsafeBytes { call.send($0) }
    call.finish()
  }

  func ended(_ reason: CallEnd, on call: ServerCall) {
    if case .failed(let status) = reason { seen.note("failed \(status.code)") }
  }
}

/// Takes everything and says nothing.
private final class Quiet: ServerCallHandler {
  private let seen: SeenEvents

  init(_ seen: SeenEvents) { self.seen = seen }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    seen.note("message \(String(decoding: message, as: UTF8.self))")
  }

  func ended(_ reason: CallEnd, on call: ServerCall) {
    // Whatever a handler still says now is dropped.
    message.withUnsafeBytes { call.send($0) }
    call.finish()
    seen.note("ended \(reason)")
  }

  private let message = Array("too late".utf8)
}

/// Sends 64 KiB messages as long as they are taken.
private final class Endless: ServerCallHandler {
  private let seen: SeenEvents
  private let message = [UInt8](repeating: 0x65, count: 64 << 10)
  private var sent = 0

  init(_ seen: SeenEvents) { self.seen = seen }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) { readyToSend(on: call) }

  func readyToSend(on call: ServerCall) {
    if call.bufferedBytes > 0 { seen.note("asked too early") }
    message.withUnsafeBytes { call.send($0) }
    sent += 1
    seen.note("sent \(sent)")
  }

  func ended(_ reason: CallEnd, on call: ServerCall) { seen.note("ended \(reason)") }
}

/// Sends 16 MiB at once, and then waits.
private final class Much: ServerCallHandler {
  private let seen: SeenEvents
  private let message = [UInt8](repeating: 0x6d, count: 1 << 20)

  init(_ seen: SeenEvents) { self.seen = seen }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    for _ in 0..<16 { self.message.withUnsafeBytes { call.send($0) } }
    seen.note("sent much")
  }

  func ended(_ reason: CallEnd, on call: ServerCall) { seen.note("ended \(reason)") }
}

/// Sends every message back at once.
private final class Parrot: ServerCallHandler {
  private let seen: SeenEvents

  init(_ seen: SeenEvents) { self.seen = seen }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    seen.note("echoed")
    call.send(message)
  }
}

/// Has begun something whose end it cannot tell when the server stops.
private final class Begun: ServerCallHandler {
  private let seen: SeenEvents

  init(_ seen: SeenEvents) { self.seen = seen }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) { seen.note("begun") }

  func statusWhenStopping(on call: ServerCall) -> Status {
    Status(.unknown, "begun, and not known to be done", reason: "OUTCOME_UNKNOWN")
  }

  func ended(_ reason: CallEnd, on call: ServerCall) { seen.note("ended \(reason)") }
}
