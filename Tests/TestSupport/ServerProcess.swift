internal import Foundation
internal import Synchronization

/// A real `distlogd` on a free loopback port, with a data folder and certificates of its own.
///
/// Ended by its process id when this value is released, and at the latest when the tests end.
package final class ServerProcess: @unchecked Sendable {  // used by one test at a time
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  package let host = "127.0.0.1"
  /// Certificates as `make certs` makes them: ca, node1, root, nobody, curl.conf.
  package let certificates: String
  package let dataFolder: String
  package private(set) var port = 0
  private let folder: TemporaryFolder
  private let arguments: [String]
  private var process: Process?
  private var output: FileHandle?

  /// - Parameter settings: flags besides those for a free port, the data folder and certificates;
  ///   a flag given here wins.
  package init(_ settings: [String: String] = [:]) throws {
    folder = try TemporaryFolder()
    certificates = try Self.developmentCertificates.get().path
    dataFolder = folder.file("data")
    var flags = [
      "--id": "node1", "--data": dataFolder, "--listen": "\(host):0", "--expect": "1",
      "--tls-cert": "\(certificates)/node1.pem", "--tls-key": "\(certificates)/node1-key.pem",
      "--tls-ca": "\(certificates)/ca.pem", "--log-format": "json",
      "--acl-policy": Programs.repository + "/certs/policy.csv",
    ]
    flags.merge(settings) { $1 }
    arguments = flags.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
  }

  deinit { kill() }

  /// What `make certs` makes, once for all servers of these tests.
  package static let developmentCertificates: Result<TemporaryFolder, any Error> = Result {
    // A static value is never released, so its folder is removed at the end of the process.
    atexit {
      guard let made = try? ServerProcess.developmentCertificates.get() else { return }
      try? FileManager.default.removeItem(atPath: made.path)
    }
    let folder = try TemporaryFolder()
    try Subprocess.check([Programs.repository + "/scripts/certs.sh", folder.path])
    return folder
  }

  /// A server that is ready.
  package static func started(_ settings: [String: String] = [:]) async throws -> ServerProcess {
    try await blocking {
      let server = try ServerProcess(settings)
      try server.start()
      return server
    }
  }

  package var address: String { "\(host):\(port)" }

  /// The command that `start` runs, for tests that run it themselves.
  package func command(_ verb: String = "serve") throws -> [String] {
    [try Programs.path("distlogd"), verb] + arguments
  }

  /// Starts the process and returns when it has said that it is ready.
  package func start(withinSeconds limit: Double = 30) throws {
    let command = try command()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardInput = FileHandle.nullDevice
    process.standardError = try logHandle()
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    self.process = process
    RunningProcesses.add(process.processIdentifier)
    output = pipe.fileHandleForReading
    guard let line = readLine(withinSeconds: limit), let address = Self.address(in: line),
      let port = Int(address.split(separator: ":").last ?? "")
    else {
      kill()
      throw Failure(description: "distlogd was not ready within \(limit) s: \(log)")
    }
    self.port = port
  }

  /// SIGKILL; returns when the process is gone.
  package func kill() {
    guard let process else { return }
    if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    RunningProcesses.remove(process.processIdentifier)
    self.process = nil
  }

  /// SIGTERM; gives the exit code.
  package func terminate(withinSeconds limit: Double = 20) throws -> Int32 {
    guard let process else { throw Failure(description: "distlogd is not running") }
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    if process.isRunning { Foundation.kill(process.processIdentifier, SIGTERM) }
    if process.isRunning, ended.wait(timeout: .now() + limit) == .timedOut {
      kill()
      throw Failure(description: "distlogd did not end within \(limit) s: \(log)")
    }
    process.waitUntilExit()
    RunningProcesses.remove(process.processIdentifier)
    self.process = nil
    return process.terminationStatus
  }

  package var isRunning: Bool { process?.isRunning ?? false }

  /// All that it has written to its standard error.
  package var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

  /// Waits until the log has a line with all of these words; gives what was logged from `start` on.
  package func logLine(
    containing words: [String], after start: Int = 0, withinSeconds limit: Double = 5
  ) async throws -> String? {
    let end = ContinuousClock.now + .seconds(limit)
    while true {
      let lines = log.utf8.dropFirst(start).split(separator: UInt8(ascii: "\n"))
        .map { String(Substring($0)) }
      if let found = lines.first(where: { line in words.allSatisfy { line.contains($0) } }) {
        return found
      }
      guard ContinuousClock.now < end else { return nil }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  private var logPath: String { folder.file("server.log") }

  private func logHandle() throws -> FileHandle {
    if !FileManager.default.fileExists(atPath: logPath) { try folder.write("", to: "server.log") }
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: logPath))
    try handle.seekToEnd()
    return handle
  }

  /// `ready node=... rpc=host:port`
  private static func address(in line: String) -> String? {
    guard line.hasPrefix("ready ") else { return nil }
    return line.split(separator: " ").first { $0.hasPrefix("rpc=") }.map { String($0.dropFirst(4)) }
  }

  private func readLine(withinSeconds limit: Double) -> String? {
    guard let output else { return nil }
    let end = DispatchTime.now() + limit
    var line: [UInt8] = []
    while line.last != UInt8(ascii: "\n") {
      let now = DispatchTime.now()
      guard now < end else { return nil }
      let left = (end.uptimeNanoseconds - now.uptimeNanoseconds) / 1_000_000
      var descriptor = pollfd(fd: output.fileDescriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&descriptor, 1, Int32(left)) > 0 else { continue }
      let read = output.availableData
      if read.isEmpty { return nil }
      line += read
    }
    return String(decoding: line.dropLast(), as: UTF8.self)
  }
}

/// The processes that tests have started, so that none outlives them.
enum RunningProcesses {
  private static let ids: Mutex<Set<Int32>> = {
    atexit { RunningProcesses.endAll() }
    return Mutex([])
  }()

  static func add(_ id: Int32) { ids.withLock { _ = $0.insert(id) } }
  static func remove(_ id: Int32) { ids.withLock { _ = $0.remove(id) } }
  private static func endAll() {
    ids.withLock { for id in $0 { kill(id, SIGKILL) } }
  }
}
