import ArgumentParser

/// Measures one node, and what the engine and the disk alone would do.
@main
struct DistlogBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distlog-bench",
    abstract: "Measure one node beside its engine and its disk.",
    subcommands: [NodeBench.self, RandomRead.self, EchoServer.self])
}
