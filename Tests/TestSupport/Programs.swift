internal import Foundation

/// Where the programs under test and the tools of the repository are.
package enum Programs {
  package struct Missing: Error, CustomStringConvertible {
    package let description: String
  }

  /// The folder of this repository.
  package static let repository = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// The folder that the running tests were built into, with the programs of the same build.
  ///
  /// DISTLOG_BIN_DIR names another one, for example that of the release build.
  package static let folder: String = {
    if let given = environment("DISTLOG_BIN_DIR") { return given }
    let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let candidates =
      [link, CommandLine.arguments.first, bundlePath]
      .compactMap { $0 }.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path }
    return candidates.first { isExecutable($0 + "/distlogd") } ?? "\(repository)/.build/debug"
  }()

  /// The path of one of our programs.
  package static func path(_ name: String) throws -> String {
    let path = "\(folder)/\(name)"
    guard isExecutable(path) else {
      throw Missing(description: "there is no \(path): build it first, or set DISTLOG_BIN_DIR")
    }
    return path
  }

  /// A Python with the packages that the scripts need: DISTLOG_PYTHON, or what `make deps` made.
  package static var python: String {
    get throws {
      let candidates = [
        environment("DISTLOG_PYTHON"), "\(repository)/.tools/venv/bin/python",
      ]
      guard let found = candidates.compactMap({ $0 }).first(where: isExecutable) else {
        throw Missing(description: "there is no Python environment: run `make deps`")
      }
      return found
    }
  }

  package static func environment(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// With `swift test` the process is a helper that is given the tests' bundle by this flag.
  private static var bundlePath: String? {
    let arguments = CommandLine.arguments
    guard let flag = arguments.firstIndex(of: "--test-bundle-path"),
      arguments.indices.contains(flag + 1)
    else { return nil }
    return arguments[flag + 1]
  }

  private static func isExecutable(_ path: String) -> Bool {
    FileManager.default.isExecutableFile(atPath: path)
  }
}

/// Runs code that blocks its thread, such as a wait for a process, outside the tasks' few threads.
package func blocking<Value: Sendable>(
  _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    let thread = Thread { continuation.resume(with: Result(catching: body)) }
    thread.stackSize = 1 << 20
    thread.start()
  }
}
