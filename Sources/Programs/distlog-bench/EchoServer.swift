import ArgumentParser
import Foundation
import NIOCore
import NIOPosix
import RPC
import TLS

/// Serves `bench.Echo` until it is stopped.
struct EchoServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "echo-server", abstract: "Serve messages back, with TLS and a client certificate.")

  @Option(help: "Address to listen on.") var host = "127.0.0.1"
  @Option(help: "Port to listen on; 0 takes a free one.") var port = 0
  @Option(help: "Event loops.") var loops = 1
  @Option(help: "Certificate file (PEM).") var cert: String?
  @Option(help: "Key file (PEM).") var key: String?
  @Option(help: "CA file that client certificates are checked against (PEM).") var ca: String?

  func run() async throws {
    var tls: TLSContext?
    if let cert, let key, let ca {
      tls = try TLSContext.server(certificate: cert, key: key, ca: ca)
    }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
    var configuration = RPCServerConfiguration(host: host, port: port, tls: tls)
    configuration.idleTimeout = .hours(1)
    let health = HealthService()
    let server = try await RPCServer.start(
      configuration, methods: EchoService.methods + health.methods, group: group)
    // Not `print`, which keeps back what goes to a file.
    FileHandle.standardOutput.write(Data("listening on \(host):\(server.port)\n".utf8))
    while true { try await Task.sleep(for: .seconds(3600)) }
  }
}
