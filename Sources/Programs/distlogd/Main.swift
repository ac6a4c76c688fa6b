import ArgumentParser

/// The server program.
@main
struct Distlogd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distlogd",
    abstract: "A durable, ordered commit log, served over gRPC with mutual TLS.",
    discussion: """
      Each setting has one key in the configuration file, one flag and one environment variable: \
      listen.rpc, --listen-rpc, DISTLOG_LISTEN_RPC. A flag wins over the environment, the \
      environment over the file, the file over the default.

      Exit codes: 0 ok, 10 something is wrong with what was looked at, 64 usage, 69 the address is taken, 70 internal, 74 local I/O (data folder \
      locked, damaged or unreadable), 78 configuration, 130 stopped at once by a second signal.
      """,
    version: VersionText.all,
    subcommands: [
      Serve.self, Dev.self, Check.self, Verify.self, Dump.self, RestoreCommand.self, Recover.self,
      CheckDisk.self,
    ],
    defaultSubcommand: Serve.self)
}
