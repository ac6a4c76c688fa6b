import ArgumentParser
import ClientProgram
import DistlogClient

struct ClusterCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cluster", abstract: "Ask about the cluster, and change it.",
    subcommands: [
      ClusterStatusCommand.self, ClusterHealthCommand.self, ClusterAddCommand.self,
      ClusterPromoteCommand.self, ClusterRemoveCommand.self, ClusterTransferCommand.self,
      ClusterVerifyCommand.self,
    ])
}

struct ClusterStatusCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show how each server stands: role, what it holds, how far it is behind.")

  @OptionGroup var connection: ConnectionOptions

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    let view = try await context.ask { client throws(DistlogError) in
      try await ClusterView(client)
    }
    try context.show(json: view.json.text, table: view.table)
  }
}

struct ClusterHealthCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "health",
    abstract: "Say whether there is a leader and every server is up and up to date.",
    discussion: "Exits 0 when all is well, 10 when something is not.")

  @OptionGroup var connection: ConnectionOptions

  @Flag(help: "Wait until all is well, as long as --timeout says (default 10s).")
  var wait = false

  @Option(help: ArgumentHelp("Records that a server may be behind.", valueName: "n"))
  var lag: UInt64 = 1000

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    let client = try context.client()
    let end = ContinuousClock.now + client.configuration.timeout
    while true {
      var problems: [String]
      var failure: DistlogError?
      do {
        problems = try await ClusterView(client).problems(lag: lag)
      } catch {
        failure = error
        problems = [error.message]
      }
      if problems.isEmpty {
        return try context.show(json: Self.json(problems).text, table: "healthy\n")
      }
      guard wait, ContinuousClock.now < end else {
        if let failure { throw ProgramFailure(failure) }
        try context.show(
          json: Self.json(problems).text, table: problems.map { $0 + "\n" }.joined())
        throw ProgramFailure(
          .unhealthy, code: "UNHEALTHY",
          "\(problems.count) problem\(problems.count == 1 ? "" : "s")")
      }
      do {
        try await Task.sleep(for: .milliseconds(100))
      } catch {
        return
      }
    }
  }

  private static func json(_ problems: [String]) -> JSONObject {
    var object = JSONObject()
    object.set("healthy", problems.isEmpty)
    object.set("problems", problems)
    return object
  }
}

struct ClusterAddCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Make a server that was started to join a member.",
    discussion: """
      It is a learner first, and becomes a voter when it has caught up. A member that listens at another address by now \
      is given that one.
      """)

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "Its node.id.")
  var id: String

  @Argument(help: "host:port where it listens.")
  var address: String

  @Flag(help: "It stays a learner.")
  var learner = false

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    try await context.change { client throws(DistlogError) in
      try await client.addServer(id, at: address, asLearner: learner)
    }
  }
}

struct ClusterPromoteCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "promote", abstract: "Give a learner that has caught up a vote.")

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "Its node.id.")
  var id: String

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    try await context.change { client throws(DistlogError) in
      try await client.promoteServer(id)
    }
  }
}

struct ClusterRemoveCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Make a server no member any more.",
    discussion:
      "It takes no part from then on: stop it. It can be added again, with its data folder or an empty one."
  )

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "Its node.id.")
  var id: String

  @Flag(help: "Even if too few of the voters that are left are up.")
  var force = false

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    try await context.change { client throws(DistlogError) in
      try await client.removeServer(id, isForced: force)
    }
  }
}

struct ClusterTransferCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "transfer", abstract: "Let another server lead.")

  @OptionGroup var connection: ConnectionOptions

  @Argument(help: "Its node.id (default: whoever has most of the log).")
  var id = ""

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    try await context.change { client throws(DistlogError) in
      try await client.transferLeadership(to: id)
    }
  }
}

extension VerbContext {
  /// Asks for a change and shows who the servers are then.
  func change(
    _ question: (DistlogClient) async throws(DistlogError) -> ServerList
  ) async throws(ProgramFailure) {
    let list = try await ask(question)
    try show(json: ServersCommand.json(list).text, table: ServersCommand.table(list))
  }
}
