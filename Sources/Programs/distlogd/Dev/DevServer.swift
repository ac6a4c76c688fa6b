import Foundation

/// One server of `distlogd dev`, a process of its own. It stops when its standard input ends, so that it ends with whoever
/// started it, however that ends.
final class DevServer {
  enum Event: Sendable {
    /// It serves.
    case ready(String)
    /// Its process has ended: with an exit status, or by a signal.
    case ended(String, status: Int32, bySignal: Bool)
    /// It is time to start it again.
    case due(String)
    /// SIGINT or SIGTERM has come.
    case told
  }

  let name: String
  let log: String
  /// It has served since it was started.
  var isReady = false
  private let arguments: [String]
  private var process: Process?
  private var input: FileHandle?

  init(_ name: String, log: String, arguments: [String]) {
    self.name = name
    self.log = log
    self.arguments = arguments
  }

  var id: Int32 { process?.processIdentifier ?? 0 }
  var isRunning: Bool { process != nil }

  /// Starts it; what becomes of it is told to `events`. Throws what Foundation does where there can be no process.
  func start(_ program: String, _ events: AsyncStream<Event>.Continuation) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    process.standardError = try logFile()
    let name = name
    output.fileHandleForReading.readabilityHandler = { handle in
      let said = handle.availableData
      if said.isEmpty { handle.readabilityHandler = nil }
      // It says one line in its life, and in one write.
      if said.starts(with: Data("ready ".utf8)) { events.yield(.ready(name)) }
    }
    process.terminationHandler = { ended in
      events.yield(
        .ended(
          name, status: ended.terminationStatus,
          bySignal: ended.terminationReason == .uncaughtSignal))
    }
    // The others must not hold it open.
    _ = fcntl(input.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
    isReady = false
    try process.run()
    self.process = process
    self.input = input.fileHandleForWriting
  }

  private func logFile() throws -> FileHandle {
    let descriptor = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw DevFolderError(
        description: "\(log) cannot be opened: \(String(cString: strerror(errno)))")
    }
    return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  /// Lets it finish and stop.
  func stop() {
    try? input?.close()
    input = nil
  }

  func kill() { process.map { _ = Glibc.kill($0.processIdentifier, SIGKILL) } }

  func hasEnded() {
    stop()
    process = nil
  }

  /// The end of its log.
  var lastWords: String {
    guard let text = try? String(contentsOfFile: log, encoding: .utf8) else { return "" }
    return text.split(separator: "\n").suffix(3).joined(separator: "\n")
  }
}
