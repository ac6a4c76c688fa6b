internal import Foundation

/// The rows of one run as a table for people and JSON for programs.
struct Report: Codable {
  var startedAt: String
  var cores: Int
  var kernel: String
  var rows: [Row]

  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return try encoder.encode(self)
  }

  /// As `name`.json and `name`.md.
  func write(to folder: String, as name: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try json().write(to: URL(fileURLWithPath: "\(folder)/\(name).json"), options: .atomic)
    let text = table + "\n"
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).md"), options: .atomic)
  }

  /// Markdown: figures first, then what bounds each row and how it was verified.
  var table: String {
    var lines = [
      "| row | records/s | MiB/s | p50 us | p90 us | p99 us | max us | server us/record | "
        + "client us/record | errors |",
      "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += rows.map(\.line)
    lines += ["", "| row | groups/s, mean size | bare write+fdatasync | bound by | goal |"]
    lines.append("|---|--:|--:|---|---|")
    lines += rows.map(\.boundLine)
    lines += [
      "",
      "| row | verified | server cores, busiest thread | client cores, busiest thread | disk bytes/record, all servers |",
    ]
    lines.append("|---|---|--:|--:|--:|")
    lines += rows.map(\.verifiedLine)
    return lines.joined(separator: "\n")
  }
}

extension Row {
  var line: String {
    let times = latencyMicroseconds.map { [$0.p50, $0.p90, $0.p99, $0.max].map(Row.number) }
    let cells =
      [name, Row.number(recordsPerSecond), Row.decimal(mibPerSecond, 1)]
      + (times ?? Array(repeating: "", count: 4))
      + [
        Row.decimal(serverMicrosecondsPerRecord, 3), Row.decimal(clientMicrosecondsPerRecord, 3),
        errorCount == 0 ? "0" : errors.map { "\($0.value) x \($0.key)" }.joined(separator: ", "),
      ]
    return Row.join(cells)
  }

  var boundLine: String {
    let size = groups.map {
      "\(Row.number($0.perSecond)), \(Row.decimal($0.meanBytes / 1024, 1)) KiB"
    }
    let bare = (groups?.reference).map {
      "\(Row.number($0.groupsPerSecond))/s, \(Row.number($0.mibPerSecond)) MiB/s, "
        + "p50 \(Row.number($0.p50Microseconds)) us, p99 \(Row.number($0.p99Microseconds)) us"
    }
    let reached = goal.map { "\($0.isReached ? "reached" : "MISSED"): \($0.text)" }
    return Row.join([name, size ?? "", bare ?? "", bound, reached ?? ""])
  }

  var verifiedLine: String {
    Row.join([
      name, verified,
      "\(Row.decimal(serverCores, 2)), \(Int(100 * serverBusiestThread)) %",
      "\(Row.decimal(clientCores, 2)), \(Int(100 * clientBusiestThread)) %",
      Row.decimal(storedBytesPerRecord, 0),
    ])
  }

  private static func join(_ cells: [String]) -> String {
    "| " + cells.joined(separator: " | ") + " |"
  }

  static func decimal(_ value: Double, _ places: Int) -> String {
    String(format: "%.\(places)f", value)
  }
}
