internal import ArgumentParser
internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import TLS

/// `distlog-bench node`: all rows of one running server, beside an echo server and the bare disk.
struct NodeBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "node",
    abstract: "Measure one running distlogd. Its log is filled: use a server made for this.")

  @Option(help: "Where distlogd listens, host:port.") var server: String
  @Option(
    help: "Its process id; of a cluster the leader's first, then the others', one option each.")
  var serverPid: [Int32]
  @Option(help: "Where the echo server listens, host:port.") var echo: String
  @Option(help: "Its process id.") var echoPid: Int32
  @Option(help: "A folder on the disk of the server's data, for the bare loop.") var folder: String
  @Option(help: "CA file (PEM).") var ca: String
  @Option(help: "Certificate file (PEM).") var cert: String
  @Option(help: "Key file (PEM).") var key: String
  @Option(help: "Seconds to measure each row.") var seconds = 4.0
  @Option(help: "Seconds of warm-up before each row.") var warmUp = 0.5
  @Option(help: "Event loops of the load generator.") var loops = 1
  @Option(help: "Where to write the report.") var output: String?
  @Option(help: "What the report is called: one-node or three-nodes.") var name = "one-node"

  @Option(help: "Only the rows of producers whose name contains this.") var only: String?

  func run() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
    let bench = Bench(
      server: try target(server, serverPid), echo: try target(echo, [echoPid]),
      tls: try TLSContext.client(ca: ca, certificate: cert, key: key), loops: group,
      folder: folder, seconds: seconds, warmUp: warmUp)
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let suite = Suite(bench: bench, cores: cores, isCluster: serverPid.count > 1) { row in
      FileHandle.standardError.write(Data("\(row.line)\n".utf8))
    }
    let startedAt = Date().formatted(.iso8601)
    let rows: [Row]
    if let only { rows = try await suite.run(only: only) } else { rows = try await suite.run() }
    try await group.shutdownGracefully()
    let report = Report(
      startedAt: startedAt, cores: cores,
      kernel: ProcessInfo.processInfo.operatingSystemVersionString, rows: rows)
    print(report.table)
    if let output { try report.write(to: output, as: name) }
    if rows.contains(where: { $0.errorCount > 0 }) { throw ExitCode(1) }
  }

  private func target(_ address: String, _ processes: [Int32]) throws -> Target {
    guard let colon = address.lastIndex(of: ":"), let port = Int(address[colon...].dropFirst())
    else { throw ValidationError("\(address) is not host:port") }
    return Target(host: String(address[..<colon]), port: port, processes: processes)
  }
}
