import ArgumentParser
import ClientProgram

struct DistlogClientCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distlog-client",
    abstract: "Write to and read from a distlog, and ask about it.",
    discussion: """
      Results go to standard output, everything else to standard error. Flags count more than the \
      environment (DISTLOG_SERVERS, DISTLOG_CA, DISTLOG_CERT, DISTLOG_KEY, ...). \
      `help exit-codes` lists what the program ends with.
      """,
    version: VersionCommand.text,
    subcommands: [
      ProduceCommand.self, ConsumeCommand.self, CatCommand.self, TailCommand.self,
      ServersCommand.self, ClusterCommand.self, LogCommand.self, BackupCommand.self,
      VersionCommand.self,
      DoctorCommand.self, CertCommand.self, ExitCodesCommand.self, CompletionCommand.self,
    ])

  @OptionGroup var connection: ConnectionOptions
}
