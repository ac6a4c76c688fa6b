import ArgumentParser
import ClientProgram
import Glibc

/// Ends the program for what the argument parser reports: help on standard output, errors on
/// standard error, as JSON when that was asked for.
enum UsageReport {
  static func exit(with error: any Error, _ environment: ProgramEnvironment) -> Never {
    let code = DistlogClientCommand.exitCode(for: error)
    guard code != .success, wantsJSON(environment) else {
      DistlogClientCommand.exit(withError: error)
    }
    let failure = ProgramFailure(
      ClientProgram.ExitCode(rawValue: code.rawValue) ?? .usage, code: "USAGE",
      DistlogClientCommand.message(for: error),
      hint: "distlog-client help")
    exit(with: failure, environment)
  }

  /// Ends the program for what is wrong before the arguments can be parsed.
  static func exit(with failure: ProgramFailure, _ environment: ProgramEnvironment) -> Never {
    try? OutputSink.standardError.write(failure.text(asJSON: wantsJSON(environment)))
    Glibc.exit(failure.exitCode.rawValue)
  }

  /// The arguments could not be parsed, so they are looked through.
  private static func wantsJSON(_ environment: ProgramEnvironment) -> Bool {
    let arguments = CommandLine.arguments
    let isAsked = zip(arguments, arguments.dropFirst()).contains {
      ["-o", "--output"].contains($0) && $1 == "json"
    }
    return isAsked || arguments.contains("--output=json") || arguments.contains("-ojson")
      || environment["OUTPUT"] == "json"
  }
}
