import Foundation
import NIOCore
import NIOPosix
import RPC
import TestSupport
import Testing

/// Stock clients against the server. They need Python with grpcio: `DISTLOG_PYTHON` names it, else
/// `python3` is asked whether it has it.
@Suite(.timeLimit(.minutes(1))) struct InteropTests {
  private static let python = ProcessInfo.processInfo.environment["DISTLOG_PYTHON"] ?? "python3"

  private static let hasGRPC: Bool = {
    let check = try? Subprocess.run([python, "-c", "import grpc"])
    return check?.status == 0
  }()

  @Test(.enabled(if: InteropTests.hasGRPC, "no Python with grpcio"))
  func `a stock grpcio client finds everything as gRPC says`() async throws {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("grpcio_client.py").path
    let certificates = try TestCertificates.shared.get()
    let files = try certificates.leaf("root")
    let ca = try certificates.authority().certificate
    try await withServer { server in
      let command = [
        Self.python, script, "\(server.server.port)", ca, files.certificate, files.key,
      ]
      // Off the cooperative threads: it blocks until the command ends.
      let run = try await NIOThreadPool.singleton.runIfActive {
        try Subprocess.run(command, timeoutSeconds: 50)
      }
      #expect(run.output.hasSuffix("all good\n"), "\(run.errorOutput)")
      #expect(run.status == 0)
    }
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{0}",
  ])
  func `plain text on the TLS port is closed, and the server goes on`(text: String) async throws {
    try await withServer { server in
      let closed = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
      let plain = try await ClientBootstrap(group: closed.futureResult.eventLoop)
        .connect(host: "127.0.0.1", port: server.server.port).get()
      plain.closeFuture.cascade(to: closed)
      try await plain.writeAndFlush(ByteBuffer(string: text)).get()
      if text.count == 1 {
        // Too little to tell: nobody waits for it longer than for a handshake.
        try await plain.close().get()
      }
      try await closed.futureResult.get()
      let channel = try server.channel()
      #expect(try await channel.unary("/test.Echo/Unary", Array("on".utf8)).text == "on")
      await channel.close()
    }
  }
}
