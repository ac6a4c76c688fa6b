import ArgumentParser
import ClientProgram
import DistlogClient

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Ask about logs, and change them.",
    subcommands: [
      LogListCommand.self, LogShowCommand.self, LogOffsetCommand.self, LogSetCommand.self,
      LogTruncateCommand.self,
    ])
}

struct LogListCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the logs, with what they hold.")

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "Only logs whose names begin so.")
  var prefix = ""

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    let logs = try await context.ask { client throws(DistlogError) in
      try await client.logs(prefix: prefix)
    }
    var object = JSONObject()
    object.set("logs", logs.map(\.json))
    var table = Table([
      ("NAME", .left), ("START", .right), ("END", .right), ("RECORDS", .right), ("SIZE", .right),
      ("SEGMENTS", .right),
    ])
    for log in logs {
      table.add([
        log.name, String(log.offsets.lowerBound), String(log.offsets.upperBound),
        DecimalText.grouped(log.offsets.count), ByteCountText.format(log.bytes),
        String(log.segments),
      ])
    }
    try context.show(json: object.text, table: table.text)
  }
}

struct LogShowCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one log: offsets, size, times, settings.")

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "The log's name.")
  var log = "default"

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    let description = try await context.ask { client throws(DistlogError) in
      try await client.describeLog(log)
    }
    try context.show(json: description.json.text, table: description.table)
  }
}

struct LogOffsetCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "offset", abstract: "Find the first record at or after a time.",
    discussion: "Prints its offset; the log's end when there is no such record yet.")

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "The log's name.")
  var log = "default"

  @Option(
    parsing: .unconditional,  // -1h is no flag
    help: ArgumentHelp("\(TimePoint.forms); an @ before it is allowed.", valueName: "time"))
  var at: TimePoint

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    let time = at.resolved(now: WallClock.now)
    let found = try await context.ask { client throws(DistlogError) in
      try await client.findOffset(in: log, at: time)
    }
    var object = JSONObject()
    object.set("offset", found.offset)
    object.set("timestampUnixNano", found.timestamp)
    object.set("atEnd", found.isAtEnd)
    try context.show(json: object.text, table: "\(found.offset)\n")
  }
}

extension LogDescription {
  var json: JSONObject {
    var object = JSONObject()
    object.set("name", name)
    object.set("startOffset", offsets.lowerBound)
    object.set("endOffset", offsets.upperBound)
    object.set("bytes", bytes)
    object.set("segments", Int(segments))
    object.set("createdUnixNano", created)
    object.set("firstTimestampUnixNano", firstTimestamp)
    object.set("lastTimestampUnixNano", lastTimestamp)
    object.set("maxRecordBytes", Int(maxRecordBytes))
    object.set("segmentBytes", String(segmentBytes))
    object.set("retentionBytes", String(retentionBytes))
    object.set("retentionMs", String(retentionMilliseconds))
    object.set("instanceId", instanceID)
    return object
  }

  var table: String {
    func time(_ nanoseconds: UInt64) -> String {
      nanoseconds == 0 ? "-" : CalendarTime.format(nanoseconds)
    }
    var table = Table([("FIELD", .left), ("VALUE", .left)])
    table.add(["name", name])
    table.add(["instance", instanceID])
    table.add(["start offset", String(offsets.lowerBound)])
    table.add(["end offset", String(offsets.upperBound)])
    table.add(["records", DecimalText.grouped(offsets.count)])
    table.add(["size", ByteCountText.format(bytes)])
    table.add(["segments", String(segments)])
    table.add(["created", time(created)])
    table.add(["first record", time(firstTimestamp)])
    table.add(["last record", time(lastTimestamp)])
    if maxRecordBytes > 0 {
      table.add(["longest record", ByteCountText.format(UInt64(maxRecordBytes))])
    }
    if segmentBytes > 0 {
      table.add(["segment size", ByteCountText.format(UInt64(segmentBytes))])
    }
    if retentionBytes != 0 {
      table.add([
        "retention size",
        retentionBytes < 0 ? "no limit" : ByteCountText.format(UInt64(retentionBytes)),
      ])
    }
    if retentionMilliseconds != 0 {
      table.add([
        "retention age",
        retentionMilliseconds < 0 ? "no limit" : "\(retentionMilliseconds / 1000) s",
      ])
    }
    return table.text
  }
}
