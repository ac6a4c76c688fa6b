import Foundation

/// Python's protobuf, run as a program.
enum Python {
  struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  struct Failed: Error {
    let status: Int32
  }

  /// DISTLOG_PYTHON, or what `make deps` installs.
  static func path() throws -> URL {
    if let path = ProcessInfo.processInfo.environment["DISTLOG_PYTHON"] {
      return URL(filePath: path)
    }
    let url = packageFolder.appending(path: ".tools/venv/bin/python")
    guard FileManager.default.isExecutableFile(atPath: url.path()) else {
      throw Missing(description: "\(url.path()) is missing: run `make deps`")
    }
    return url
  }

  /// One input for Python to judge.
  struct Input {
    var message: String
    var bytes: [UInt8]
  }

  /// For each input nil when Python refuses it, otherwise the message encoded again.
  static func judge(_ inputs: [Input]) throws -> [[UInt8]?] {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "distlog-judge-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let lines = inputs.map { "\($0.message) \(hex($0.bytes))\n" }.joined()
    // A file, not a pipe: nobody reads while we write.
    let source = folder.appending(path: "inputs")
    try Data(lines.utf8).write(to: source)

    let process = Process()
    process.executableURL = try path()
    process.arguments =
      [packageFolder.appending(path: "Tests/CodecTests/judge.py").path()]
      + descriptorFiles.map { $0.path() }
    let output = Pipe()
    let input = try FileHandle(forReadingFrom: source)
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let answer = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed(status: process.terminationStatus) }
    let verdicts = String(decoding: answer, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    guard verdicts.count == inputs.count else { throw Failed(status: 0) }
    return verdicts.map { $0 == "!" ? nil : unhex($0) }
  }
}

func hex(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(
    decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

func unhex(_ text: some StringProtocol) -> [UInt8] {
  func value(_ digit: UInt8) -> UInt8 { digit < 0x3A ? digit - 0x30 : digit - 0x57 }
  let digits = Array(text.utf8)
  return stride(from: 0, to: digits.count - 1, by: 2).map {
    value(digits[$0]) << 4 | value(digits[$0 + 1])
  }
}
