/// A script that prints `ok <name>` or `FAIL <name>: <why>` for each of its checks.
package struct PythonScript: Sendable {
  package let path: String

  /// - Parameter path: below the folder `Tests`.
  package init(_ path: String) { self.path = "\(Programs.repository)/Tests/\(path)" }

  package init(file path: String) { self.path = path }

  /// What a run said.
  package struct Report: Sendable {
    package var passed: [String] = []
    package var failures: [String] = []
    package var status: Int32
    package var output: String
    package var errorOutput: String

    /// What is wrong with the run, when these checks and no others should have passed; empty = nothing.
    ///
    /// A script that stops early has missing names, whatever its exit code.
    package func faults(expecting names: [String]) -> [String] {
      var found = failures
      let missing = names.filter { !passed.contains($0) }
      if !missing.isEmpty { found.append("not ok: \(missing.joined(separator: ", "))") }
      let strangers = passed.filter { !names.contains($0) }
      if !strangers.isEmpty {
        found.append("not expected, add to the list: \(strangers.joined(separator: ", "))")
      }
      if status != 0 { found.append("exit code \(status)") }
      if !found.isEmpty { found.append(String(errorOutput.suffix(6_000))) }
      return found
    }
  }

  package func run(
    _ arguments: [String] = [], environment: [String: String] = [:], timeoutSeconds: Double = 180
  ) async throws -> Report {
    let script = path
    return try await blocking {
      var environment = environment
      environment["DISTLOG_BIN_DIR"] = Programs.folder
      environment["PYTHONDONTWRITEBYTECODE"] = "1"
      environment["PYTHONUNBUFFERED"] = "1"
      let result = try Subprocess.run(
        [try Programs.python, script] + arguments, environment: environment,
        timeoutSeconds: timeoutSeconds)
      return Report(result)
    }
  }
}

extension PythonScript.Report {
  fileprivate init(_ result: Subprocess) {
    status = result.status
    output = result.output
    errorOutput = result.errorOutput
    for line in result.output.split(separator: "\n") {
      if line.hasPrefix("ok ") {
        passed.append(String(line.dropFirst(3)))
      } else if line.hasPrefix("FAIL ") {
        failures.append(String(line.dropFirst(5)))
      }
    }
  }
}
