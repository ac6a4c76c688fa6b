import Foundation
import Simulator

/// A case in a file, one line to a fault, so that it can be read, changed and run again.
enum PlanFile {
  static func read(_ path: String) throws -> Case {
    try JSONDecoder().decode(Case.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
  }

  static func write(_ case: Case, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    var rest = `case`
    rest.plan.steps = []
    let steps = try `case`.plan.steps.map { step in
      String(decoding: try encoder.encode(step), as: UTF8.self)
    }
    let frame = String(decoding: try encoder.encode(rest), as: UTF8.self)
    let list = steps.isEmpty ? "[]" : "[\n  " + steps.joined(separator: ",\n  ") + "\n]"
    let text = frame.replacing("\"steps\":[]", with: "\"steps\":" + list) + "\n"
    let url = URL(fileURLWithPath: path)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }
}

/// Prints a line at once, whoever reads it.
func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

/// What this process has cost so far.
enum CPUClock {
  static var seconds: Double { Double(clock()) / Double(CLOCKS_PER_SEC) }
}
