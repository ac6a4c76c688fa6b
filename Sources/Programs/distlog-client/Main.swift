import ArgumentParser
import ClientProgram
import Dispatch
import Glibc

/// Runs one verb and turns what came of it into text on standard error and an exit code.
@main
struct Main {
  static func main() {
    let environment = ProgramEnvironment()
    let command: any ParsableCommand
    do {
      try StandardDescriptors.fill()
      try Interrupt.shared.install()
      command = try DistlogClientCommand.parseAsRoot(
        ArgumentRewriting.rewritten(try ArgumentText.read(rawArguments)))
    } catch let failure as ProgramFailure {
      UsageReport.exit(with: failure, environment)
    } catch {
      UsageReport.exit(with: error, environment)
    }
    guard let verb = command as? any Verb else { run(plain: command, environment) }
    Task { @MainActor in
      exit(await run(verb, environment))
    }
    dispatchMain()
  }

  /// What the program was started with, after its name. `CommandLine.arguments` repairs what is not
  /// UTF-8, so that other bytes than the user's would be stored.
  private static var rawArguments: [[UInt8]] {
    UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
      .dropFirst().compactMap { argument in
        argument.map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
      }
  }

  /// Help and the like, which talk to no server.
  private static func run(
    plain command: any ParsableCommand, _ environment: ProgramEnvironment
  ) -> Never {
    var command = command
    do {
      try command.run()
      exit(.success)
    } catch {
      UsageReport.exit(with: error, environment)
    }
  }

  @MainActor
  private static func run(
    _ verb: some Verb, _ environment: ProgramEnvironment
  ) async -> ClientProgram.ExitCode {
    let asJSON = verb.connection.outputForm(environment) == .json
    do {
      try await verb.run(VerbContext(verb.connection, environment))
      return Interrupt.shared.isRaised ? .interrupted : .success
    } catch {
      if error.exitCode == .success { return .success }
      let colour = verb.connection.usesColour(environment, on: .standardError)
      try? OutputSink.standardError.write(error.text(asJSON: asJSON, colour: colour))
      return Interrupt.shared.isRaised ? .interrupted : error.exitCode
    }
  }

  private static func exit(_ code: ClientProgram.ExitCode) -> Never {
    DistlogClientCommand.exit(withError: ArgumentParser.ExitCode(code.rawValue))
  }
}
