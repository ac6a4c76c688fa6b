import DistlogClient
import Glibc
import TestSupport
import Testing

/// Tests against a real server, one after another.
@Suite(.serialized) struct RealServerTests {}

/// A server that comes back at the same address when it is started again, and clients of it.
struct RealServer {
  let process: ServerProcess

  /// A server that is ready.
  init() async throws {
    let port = try #require(Self.freePort())
    process = try await ServerProcess.started(["--listen": "127.0.0.1:\(port)"])
  }

  func client(timeout: Duration = .seconds(10)) throws -> DistlogClient {
    let folder = process.certificates
    var configuration = ClientConfiguration(
      servers: [try ServerAddress(process.address)],
      tls: .init(
        ca: "\(folder)/ca.pem", certificate: "\(folder)/root.pem", key: "\(folder)/root-key.pem"))
    configuration.timeout = timeout
    return try DistlogClient(configuration)
  }

  /// SIGKILL, and a new process on the same data.
  func killAndRestart() async throws {
    try await blocking { [process] in
      process.kill()
      try process.start()
    }
  }

  /// A loopback port on which nobody listens now.
  static func freePort() -> UInt16? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    return isBound ? UInt16(bigEndian: address.sin_port) : nil
  }
}
