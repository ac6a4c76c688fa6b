import ArgumentParser
import Foundation

/// A cluster of this machine, for whoever writes a client or wants to see one.
struct Dev: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a cluster on this machine, with certificates of its own.",
    discussion: """
      Makes certificates and rules, starts the servers on loopback and prints what to paste into another terminal. Ctrl-C \
      stops them; their data stays in the folder, and the next start goes on with it. A server that ends is started again \
      after 5 s, so that one may be killed to see what happens. Settings in the environment (DISTLOG_STORAGE_SEGMENT_BYTES) \
      hold for all servers.

      When all serve, the last line on standard output is `ready nodes=... rpc=...`. Exits 0 when it was told to stop, 74 \
      where the folder does not serve, and as `serve` does where a server does not start.
      """)

  @Option(help: "How many servers, 1 to 7 (default: 3, or as many as the folder holds).")
  var nodes: Int?
  @Option(help: "The folder for data, certificates and logs.")
  var data = "distlog-dev"
  @Option(help: "The first server's port; the others take the next.")
  var port = 8401

  func validate() throws {
    guard (1...7).contains(nodes ?? 1) else {
      throw ValidationError("--nodes \(nodes ?? 0) is not from 1 to 7")
    }
    guard (1...65_000).contains(port) else {
      throw ValidationError("--port \(port) is not from 1 to 65000")
    }
  }

  func run() async throws {
    let signals = Signals()
    let cluster = Exit.orLeave { () throws(any Error) in
      let folder = try DevFolder(data, nodes: nodes)
      try folder.provide()
      return DevCluster(folder, port: port)
    }
    let status = await cluster.run(signals)
    guard status == 0 else { throw ExitCode(status) }
  }
}
