import ArgumentParser
import ClientProgram

struct ConsumeCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "consume",
    abstract: "Read records and write them to standard output.",
    discussion: """
      Without --to and --follow it stops at the end of the log as it was at the start; with \
      `--from next` it follows. With --to OFFSET or @TIME it waits for records that are not there \
      yet. `consume --frame length` and `produce --frame length` carry any bytes unchanged; so do \
      `lines` and `nul` where no value holds a newline or a zero byte.
      """)

  @OptionGroup var connection: ConnectionOptions

  @Option(
    help: ArgumentHelp(
      "Where to begin: \(StartPosition.forms). TIME: \(TimePoint.forms). (default: earliest)",
      valueName: "position"))
  var from: StartPosition?

  @Option(help: ArgumentHelp("Where to stop: \(StopPosition.forms).", valueName: "position"))
  var to: StopPosition?

  @Flag(name: .shortAndLong, help: "Go on with records as they are written.")
  var follow = false

  @OptionGroup var reading: ReadingOptions

  func validate() throws {
    guard !follow || to == nil else {
      throw ValidationError("Give --to or --follow, not both.")
    }
  }

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    let follows = follow || (from == .next && to == nil)
    try await reading.run(
      from: from ?? .earliest, to: follows ? nil : to ?? .end, context)
  }
}
