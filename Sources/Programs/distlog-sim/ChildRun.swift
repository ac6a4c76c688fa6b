import Foundation

/// A run of this program as a process of its own: a broken rule may end it by an assertion, which is a find as well.
struct ChildRun {
  enum Outcome: Equatable {
    case exited(Int32)
    case signalled(Int32)
  }

  let outcome: Outcome
  /// The last line that it printed.
  let lastLine: String
  /// What a failed assertion said; a release build leaves that out.
  let assertion: String?

  /// Waits for the end of `distlog-sim` with these arguments.
  init(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments
    // The sentence of an assertion is wanted, not where each thread was.
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    let output = Pipe()
    let errors = FileManager.default.temporaryDirectory
      .appending(path: "distlog-sim-\(UUID().uuidString)")
    guard FileManager.default.createFile(atPath: errors.path, contents: nil) else {
      throw CocoaError(.fileWriteUnknown)
    }
    defer { try? FileManager.default.removeItem(at: errors) }
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    outcome =
      process.terminationReason == .exit
      ? .exited(process.terminationStatus) : .signalled(process.terminationStatus)
    lastLine = text.split(separator: "\n").last.map(String.init) ?? ""
    let told = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
    assertion = told.split(separator: "\n").first.map(String.init)
  }
}
