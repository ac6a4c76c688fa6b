import Agent
import ArgumentParser
import ClientProgram
import CommitLog
import Foundation

/// Prints the records of a data folder.
struct Dump: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the records of a data folder without a server; changes nothing.",
    discussion: """
      One JSON object a record, or with `-o table` a line. Works beside a running server, and on a damaged \
      folder as far as it can be read: what is left out is told on standard error, and the exit code is then 10.
      """)

  @Argument(help: "The data folder.")
  var folder: String
  @Option(name: .long, help: "The first offset (default: the log's start).")
  var from: UInt64?
  @Option(name: [.short, .customLong("count")], help: "At most so many records.")
  var n: Int = .max
  @Option(name: [.short, .long], help: "json or table.")
  var output = OutputForm.json

  func run() throws {
    signal(SIGPIPE, SIG_DFL)
    OpenFiles.raiseLimit()
    var left = n
    var faults = 0
    guard left > 0 else { return }
    var buffer = Data()
    do {
      try CommitLog.dump(
        folder: folder, from: from,
        { record in
          buffer.append(contentsOf: (line(record) + "\n").utf8)
          if buffer.count > 1 << 16 { flush(&buffer) }
          left -= 1
          return left > 0
        },
        skipped: { what in
          faults += 1
          FileHandle.standardError.write(Data("distlogd: \(what)\n".utf8))
        })
    } catch {
      flush(&buffer)
      Exit.leave(error)
    }
    flush(&buffer)
    if faults > 0 { throw ExitCode(10) }
  }

  private func flush(_ buffer: inout Data) {
    Exit.write(buffer)
    buffer.removeAll(keepingCapacity: true)
  }

  private func line(_ record: Record) -> String {
    if output == .table {
      return "\(record.offset)  \(CalendarTime.format(record.timestamp))  "
        + "\(Self.text(record.key))  \(Self.text(record.value))"
    }
    var object = JSONObject()
    object.set("offset", record.offset)
    object.set("timestampUnixNano", record.timestamp)
    object.set("term", record.term)
    if !record.key.isEmpty { object.set("key", Data(record.key).base64EncodedString()) }
    object.set("value", Data(record.value).base64EncodedString())
    if !record.headers.isEmpty {
      object.set(
        "headers",
        record.headers.map { header in
          var one = JSONObject()
          one.set("name", header.name)
          one.set("value", Data(header.value).base64EncodedString())
          return one
        })
    }
    return object.text
  }

  private static func text(_ bytes: [UInt8]) -> String {
    JSONText.quoted(String(decoding: bytes, as: UTF8.self))
  }
}
