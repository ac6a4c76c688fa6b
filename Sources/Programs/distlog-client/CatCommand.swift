import ArgumentParser
import ClientProgram

struct CatCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "cat", abstract: "Read up to the end of the log: consume --to end.")

  @OptionGroup var connection: ConnectionOptions

  @Option(
    help: ArgumentHelp(
      "Where to begin: \(StartPosition.forms). (default: earliest)", valueName: "position"))
  var from: StartPosition?

  @OptionGroup var reading: ReadingOptions

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    try await reading.run(from: from ?? .earliest, to: .end, context)
  }
}
