internal import Dispatch
internal import Foundation

/// A command that ran to its end, or was ended because it took too long.
package struct Subprocess: Sendable {
  package var status: Int32
  package var output: String
  package var errorOutput: String

  package enum Failure: Error, CustomStringConvertible {
    case timedOut(command: String, seconds: Double, errorOutput: String)
    case failed(command: String, status: Int32, errorOutput: String)

    package var description: String {
      switch self {
      case .timedOut(let command, let seconds, let errors):
        "\(command) did not end within \(seconds) s: \(errors)"
      case .failed(let command, let status, let errors):
        "\(command) ended with status \(status): \(errors)"
      }
    }
  }

  /// Runs a command found by PATH. Output goes through files, so that no amount of it can block the command.
  package static func run(
    _ command: [String], input: String = "", in folder: String? = nil,
    environment: [String: String] = [:], timeoutSeconds: Double = 60
  ) throws -> Subprocess {
    let scratch = try TemporaryFolder()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = try reading(scratch.write(input, to: "input"))
    process.standardOutput = try writing(scratch.write("", to: "output"))
    process.standardError = try writing(scratch.write("", to: "errors"))

    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    try process.run()
    let inTime = ended.wait(timeout: .now() + timeoutSeconds) == .success
    if !inTime {
      kill(process.processIdentifier, SIGKILL)
      ended.wait()
    }
    let errors = try text(scratch.file("errors"))
    guard inTime else {
      throw Failure.timedOut(
        command: command.joined(separator: " "), seconds: timeoutSeconds, errorOutput: errors)
    }
    return Subprocess(
      status: process.terminationStatus, output: try text(scratch.file("output")),
      errorOutput: errors)
  }

  /// Runs a command that must succeed and gives its output.
  @discardableResult
  package static func check(
    _ command: [String], input: String = "", in folder: String? = nil, timeoutSeconds: Double = 60
  ) throws -> String {
    let result = try run(command, input: input, in: folder, timeoutSeconds: timeoutSeconds)
    guard result.status == 0 else {
      throw Failure.failed(
        command: command.joined(separator: " "), status: result.status,
        errorOutput: result.errorOutput)
    }
    return result.output
  }

  private static func reading(_ path: String) throws -> FileHandle {
    try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
  }

  private static func writing(_ path: String) throws -> FileHandle {
    try FileHandle(forWritingTo: URL(fileURLWithPath: path))
  }

  private static func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
  }
}
