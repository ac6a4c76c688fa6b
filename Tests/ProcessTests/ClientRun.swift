import Foundation
import TestSupport

/// A `distlog-client` that is spoken with while it runs: its input and output are pipes.
final class ClientRun: @unchecked Sendable {  // used by one test at a time
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let folder: TemporaryFolder
  private var taken: [UInt8] = []

  /// Starts it. Options that every run needs come first.
  init(_ server: ServerProcess, _ arguments: [String]) throws {
    folder = try TemporaryFolder()
    let command = try Self.command(server) + arguments
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardInput = input
    process.standardOutput = output
    let errors = try folder.write("", to: "errors")
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errors))
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }

  /// The program with what connects it to a server.
  static func command(_ server: ServerProcess, as identity: String = "root") throws -> [String] {
    let folder = server.certificates
    return [
      try Programs.path("distlog-client"), "--servers", server.address, "--ca", "\(folder)/ca.pem",
      "--cert", "\(folder)/\(identity).pem", "--tls-key", "\(folder)/\(identity)-key.pem",
    ]
  }

  /// Runs a bash script in which "$@" is the program with what connects it.
  static func script(
    _ script: String, _ server: ServerProcess, in folder: TemporaryFolder
  ) async throws -> Subprocess {
    let command = try command(server)
    return try await blocking {
      try Subprocess.run(["bash", "-c", script, "bash"] + command, in: folder.path)
    }
  }

  var errorOutput: String {
    (try? String(contentsOfFile: folder.file("errors"), encoding: .utf8)) ?? ""
  }

  /// The next line of its output; nil when it ended, or said nothing for ten seconds.
  func line() async throws -> String? {
    try await blocking { [self] in
      while true {
        if let end = taken.firstIndex(of: UInt8(ascii: "\n")) {
          defer { taken.removeSubrange(...end) }
          return String(decoding: taken[..<end], as: UTF8.self)
        }
        var ready = pollfd(
          fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, 10_000) > 0 else { return nil }
        let bytes = output.fileHandleForReading.availableData
        if bytes.isEmpty { return nil }
        taken += bytes
      }
    }
  }

  /// Waits until its standard error has this text.
  func says(_ text: String) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(10)
    while !errorOutput.contains(text) {
      guard ContinuousClock.now < end else { return false }
      try await Task.sleep(for: .milliseconds(5))
    }
    return true
  }

  /// Writes 0, 1, 2, ..., a line each, on a thread of its own, until it takes no more.
  func writeNumbersWithoutEnd() {
    let thread = Thread { [input] in
      // A pipe whose reader died must give an error, not end the tests.
      var signals = sigset_t()
      sigemptyset(&signals)
      sigaddset(&signals, SIGPIPE)
      pthread_sigmask(SIG_BLOCK, &signals, nil)
      for number in 0... {
        let line = Data("\(number)\n".utf8)
        guard (try? input.fileHandleForWriting.write(contentsOf: line)) != nil else { return }
      }
    }
    thread.start()
  }

  func write(_ text: String) { input.fileHandleForWriting.write(Data(text.utf8)) }

  func interrupt(_ signal: Int32 = SIGINT) { kill(process.processIdentifier, signal) }

  /// Its exit code, with what it still prints read to its end.
  func ended() async throws -> (status: Int32, rest: String) {
    return try await blocking { [self] in
      let limit = DispatchTime.now() + 20
      let timer = DispatchSource.makeTimerSource()
      timer.setEventHandler { [self] in kill(process.processIdentifier, SIGKILL) }
      timer.schedule(deadline: limit)
      timer.resume()
      defer { timer.cancel() }
      taken += output.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return (process.terminationStatus, String(decoding: taken, as: UTF8.self))
    }
  }
}

/// Sebastiano Vigna's SplitMix64: the same numbers for the same seed.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
