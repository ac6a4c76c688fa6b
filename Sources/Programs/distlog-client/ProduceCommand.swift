import ArgumentParser
import ClientProgram

struct ProduceCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "produce",
    abstract: "Append records: values, files, or standard input.",
    discussion: """
      Framings: `lines` and `nul` take each line, empty ones too, as a record; the last may lack \
      its newline (reading back with the same framing then adds one). `length` takes a 4-byte \
      big-endian length before each record, and carries any bytes. `json` takes an object a line, \
      as `consume --frame json` prints it: key, value and header values in base64, \
      timestamp; other members are refused, `offset` and `term` have no effect. `whole` makes one record of each file.

      Records are sent in order over one stream, many to a request; a request is all or nothing. \
      After a failure nothing that follows is written.
      """)

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "A record each, instead of files.")
  var values: [String] = []

  @Option(help: ArgumentHelp("The log to append to. (DISTLOG_LOG)", valueName: "name"))
  var log: String?

  @Option(help: ArgumentHelp("A file to read; - is standard input. Repeatable.", valueName: "path"))
  var file: [String] = []

  @Option(help: "How records lie in the input.")
  var frame: Framing = .lines

  @Option(
    name: .customLong("record-key"),
    help: ArgumentHelp(
      "The key of every record; --key means the same after `produce`.", valueName: "text"))
  var recordKey: String?

  @Option(
    help: ArgumentHelp("Part each record into key and value at this text.", valueName: "text"))
  var keySep: String?

  @Option(
    name: [.customShort("H"), .long],
    help: ArgumentHelp("A header of every record. Repeatable.", valueName: "name=value"))
  var header: [HeaderValue] = []

  @Option(
    parsing: .unconditional,  // -1h is no flag
    help: ArgumentHelp("The time of every record: \(TimePoint.forms).", valueName: "time"))
  var timestamp: TimePoint?

  @Option(help: ArgumentHelp("The most records of a request, up to 10000.", valueName: "n"))
  var batch = 10_000

  @Option(
    help: ArgumentHelp(
      "How long a record waits for others to share its request. (default: 5ms)",
      valueName: "duration"))
  var linger: DurationValue?

  @Option(help: ArgumentHelp("Requests sent and not acknowledged.", valueName: "n"))
  var maxInFlight = 16

  @Flag(
    help: "Send nothing twice: a lost connection ends it, and what was under way is in doubt.")
  var noIdempotent = false

  @Option(
    help: ArgumentHelp(
      "Append only if the first record gets this offset, and the others follow it.",
      valueName: "offset"))
  var expectOffset: UInt64?

  @Option(help: "Print the offset of each record, or an object for each request.")
  var ackOutput: ProduceSettings.AckOutput = .none

  @Option(help: ArgumentHelp("Records per second, at most.", valueName: "n"))
  var rate: Double?

  func validate() throws {
    guard (1...10_000).contains(batch) else {
      throw ValidationError("--batch takes 1 to 10000, what a server accepts in a request.")
    }
    guard (1...10_000).contains(maxInFlight) else {
      throw ValidationError("--max-in-flight takes 1 to 10000.")
    }
    guard values.isEmpty || file.isEmpty else {
      throw ValidationError("Give values or --file, not both.")
    }
    if let timestamp, timestamp.resolved(now: WallClock.now) == 0 {
      // In a request 0 means "now".
      throw ValidationError("--timestamp takes a time after 1970-01-01T00:00:00Z.")
    }
    if let rate, rate <= 0 { throw ValidationError("--rate takes a number above 0.") }
    if let keySep, keySep.isEmpty { throw ValidationError("--key-sep takes some text.") }
  }

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    var settings = ProduceSettings()
    settings.log = context.log(log)
    settings.framing = frame
    settings.key = Array((recordKey ?? "").utf8)
    settings.keySeparator = Array((keySep ?? "").utf8)
    settings.headers = header.map(\.header)
    settings.timestamp = timestamp?.resolved(now: WallClock.now) ?? 0
    settings.maxRecords = batch
    if let linger { settings.linger = linger.duration }
    settings.maxInFlight = maxInFlight
    settings.isIdempotent = !noIdempotent
    settings.expectedOffset = expectOffset
    settings.ackOutput = ackOutput
    settings.rate = rate
    let run = try ProduceRun(
      settings, client: try context.client(), output: context.output, notes: context.notes,
      interrupt: .shared)
    _ = try await run.run(values: values, files: file)
  }
}
