import Foundation

/// A run of this program as a process of its own: a broken rule may end it by an assertion, which is a find as well.
struct ChildRun {
  enum Outcome: Equatable {
    case exited(Int32)
    case signalled(Int32)
  }

  let outcome: Outcome
  /// What it printed, as it came.
  let lines: [String]
  /// What a failed assertion said; a release build leaves that out.
  let assertion: String?

  /// Waits for the end of `distlog-sim` with these arguments, as a child.
  init(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["--is-child"] + arguments
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
    lines = text.split(separator: "\n").map(String.init)
    let told = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
    assertion = told.split(separator: "\n").first.map(String.init)
  }

  /// What it said of itself, one report a line.
  var reports: [ChildReport] {
    lines.compactMap { try? JSONDecoder().decode(ChildReport.self, from: Data($0.utf8)) }
  }

  /// Why it did not come to its end; nil where it did.
  var death: String? {
    switch outcome {
    case .exited(0): nil
    case .exited(let code): "exit code \(code): \(assertion ?? "")"
    case .signalled(let signal): "an assertion failed: \(assertion ?? "signal \(signal)")"
    }
  }
}

/// A line that a child prints for its parent.
enum ChildReport: Codable {
  /// Printed before the run, so that it is known which one ended the process.
  case began(seed: UInt64)
  case ended(RunReport)

  func print() throws {
    FileHandle.standardOutput.write(try JSONEncoder().encode(self) + Data("\n".utf8))
  }
}

/// What came of a run, as far as it is counted.
struct RunReport: Codable {
  var seed: UInt64
  var text: String
  var breach: String?
  var kind: String?
  var traceHash: UInt64
  var events: Int
  var faults: Int
  var proposed: Int
  var acknowledged: Int
  var changes: Int
  var trims: Int
  var images: Int
  /// Of this process, in the run.
  var cpuSeconds: Double
}
