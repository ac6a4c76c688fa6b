import ArgumentParser
import ClientProgram

struct TailCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "tail",
    abstract: "Read the last records and follow: consume --from tail:10 --follow.")

  @OptionGroup var connection: ConnectionOptions

  @Option(
    help: ArgumentHelp(
      "Where to begin: \(StartPosition.forms). (default: tail:10)", valueName: "position"))
  var from: StartPosition?

  @OptionGroup var reading: ReadingOptions

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    try await reading.run(from: from ?? .tail(10), to: nil, context)
  }
}
