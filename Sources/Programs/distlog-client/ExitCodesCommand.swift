import ArgumentParser
import ClientProgram

struct ExitCodesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exit-codes", abstract: "List what the program ends with, and why.",
    discussion: ClientProgram.ExitCode.table)

  func run() { print(ClientProgram.ExitCode.table) }
}
