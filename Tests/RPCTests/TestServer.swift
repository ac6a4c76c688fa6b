import GRPCWire
import Logging
import NIOCore
import NIOPosix
import RPC
import TLS
import TestSupport

/// A server on a free loopback port with methods that tests need, and channels to it.
final class TestServer: Sendable {
  let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  let server: RPCServer

  init(
    clientAuth: TLSContext.ClientAuthentication = .require, port: Int = 0, logger: Logger? = nil
  ) async throws {
    let files = try TestCertificates.shared.get().leaf("node1", usage: .node)
    let tls = try TLSContext.server(
      certificate: files.certificate, key: files.key,
      ca: TestCertificates.shared.get().authority().certificate, clientAuth: clientAuth)
    server = try await RPCServer.start(
      RPCServerConfiguration(host: "127.0.0.1", port: port, tls: tls, logger: logger),
      methods: Self.methods,
      group: group)
  }

  func stop() async throws {
    await server.drain(timeout: .milliseconds(50))
    try await group.shutdownGracefully()
  }

  private static let methods = [
    RPCMethod(path: "/test.Echo/Unary", shape: .unary) { _ in Echo() },
    RPCMethod(path: "/test.Echo/Stream", shape: .bidirectional) { _ in Echo() },
    RPCMethod(path: "/test.Echo/Count", shape: .serverStreaming) { _ in Count() },
    RPCMethod(path: "/test.Echo/Silence", shape: .unary) { _ in Silence() },
    RPCMethod(path: "/test.Echo/Hold", shape: .bidirectional) { call in
      call.holdsWindow = true
      return Silence()
    },
    RPCMethod(path: "/test.Echo/Fail", shape: .bidirectional) { call in
      call.finish(Status(.failedPrecondition, "no: ünder 100 %", reason: "TEST"))
      return Silence()
    },
    RPCMethod(path: "/test.Echo/Whoami", shape: .unary) { _ in Whoami() },
  ]

  /// A channel of its own with the certificate of `root`.
  func channel(
    port: Int? = nil, host: String = "127.0.0.1",
    _ change: (inout RPCChannelConfiguration) -> Void = { _ in }
  ) throws -> RPCChannel {
    let files = try TestCertificates.shared.get().leaf("root")
    let tls = try TLSContext.client(
      ca: TestCertificates.shared.get().authority().certificate, certificate: files.certificate,
      key: files.key)
    var configuration = RPCChannelConfiguration(host: host, port: port ?? server.port, tls: tls)
    configuration.backoff.initial = .milliseconds(10)
    change(&configuration)
    return RPCChannel(configuration, on: MultiThreadedEventLoopGroup.singleton.next())
  }
}

/// Runs `body` with a server and stops it afterwards.
func withServer(
  clientAuth: TLSContext.ClientAuthentication = .require, logger: Logger? = nil,
  _ body: (TestServer) async throws -> Void
) async throws {
  let server = try await TestServer(clientAuth: clientAuth, logger: logger)
  do { try await body(server) } catch {
    try await server.stop()
    throw error
  }
  try await server.stop()
}

/// Sends every message back; ends when the client does.
private final class Echo: ServerCallHandler {
  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) { call.send(message) }
  func receiveEnd(on call: ServerCall) { call.finish() }
}

/// Answers never.
private final class Silence: ServerCallHandler {
  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {}
}

private final class Whoami: ServerCallHandler {
  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    let name = call.connection.identity?.commonName ?? "nobody known"
    let agent = call.metadata["x-test"] ?? ""
    let answer = Array("\(name) \(agent)".utf8)
    answer.withUnsafeBytes { call.send($0) }
    call.finish()
  }
}

/// Sends as many numbered messages as the request's text says, each padded to 10,000 bytes.
private final class Count: ServerCallHandler {
  private var next = 0
  private var end = 0

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    end = Int(String(decoding: message, as: UTF8.self)) ?? 0
    readyToSend(on: call)
  }

  func readyToSend(on call: ServerCall) {
    while next < end, call.bufferedBytes < 64 << 10 {
      var bytes = Array("\(next) ".utf8)
      bytes += [UInt8](repeating: 0x2e, count: 10_000 - bytes.count)
      bytes.withUnsafeBytes { call.send($0) }
      next += 1
    }
    if next == end { call.finish() }
  }
}

extension [UInt8] {
  /// The bytes as text.
  var text: String { String(decoding: self, as: UTF8.self) }
}

/// The error that `body` throws, for comparing its text.
func errorText(_ body: () async throws(RPCError) -> Void) async -> String {
  do throws(RPCError) {
    try await body()
    return "no error"
  } catch {
    return error.description
  }
}
