import ArgumentParser
import ClientProgram
import DistlogClient

struct LogSetCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Set how much of a log is kept, on every server.",
    discussion: """
      It takes the place of what the servers are configured with. Whole segments go, the oldest first, never the one that \
      takes the writes.
      """)

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "The log's name.")
  var log = "default"

  @Option(help: ArgumentHelp("Keep about as many bytes; none: no limit.", valueName: "size"))
  var retentionBytes: Limit<ByteCountValue>?

  @Option(help: ArgumentHelp("Keep records for so long; none: no limit.", valueName: "duration"))
  var retentionAge: Limit<DurationValue>?

  func validate() throws {
    guard retentionBytes != nil || retentionAge != nil else {
      throw ValidationError("nothing to set: give --retention-bytes or --retention-age")
    }
    if case .value(let size)? = retentionBytes, size.bytes == 0 || size.bytes > 1 << 53 {
      throw ValidationError("--retention-bytes must be 1 to 2^53, or none")
    }
    if case .value(let age)? = retentionAge,
      age.duration < .milliseconds(1) || age.duration > .seconds(1 << 33)
    {
      throw ValidationError("--retention-age must be 1ms to 272 years, or none")
    }
  }

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    let bytes = retentionBytes.map { limit in
      if case .value(let size) = limit { Int64(size.bytes) } else { Int64(-1) }
    }
    let age = retentionAge.map { limit in
      if case .value(let age) = limit { age.duration.milliseconds } else { Int64(-1) }
    }
    let description = try await context.ask { client throws(DistlogError) in
      try await client.updateLog(log, retentionBytes: bytes, retentionMilliseconds: age)
    }
    try context.show(json: description.json.text, table: description.table)
  }
}

struct LogTruncateCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "truncate", abstract: "Remove the records before an offset, on every server.",
    discussion:
      "They cannot be had back. The log's end stays where it is, and offsets are never given out again."
  )

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "The log's name.")
  var log = "default"

  @Option(help: ArgumentHelp("The first record that is kept.", valueName: "offset"))
  var before: UInt64

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    let description = try await context.ask { client throws(DistlogError) in
      try await client.truncateLog(log, before: before)
    }
    try context.show(json: description.json.text, table: description.table)
  }
}

/// A limit, or `none`.
enum Limit<Value: ExpressibleByArgument>: ExpressibleByArgument {
  case value(Value)
  case none

  init?(argument: String) {
    if argument == "none" {
      self = .none
    } else {
      guard let value = Value(argument: argument) else { return nil }
      self = .value(value)
    }
  }
}

extension Duration {
  /// Whole ones.
  var milliseconds: Int64 {
    components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
  }
}
