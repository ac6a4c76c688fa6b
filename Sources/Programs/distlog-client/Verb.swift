import ArgumentParser
import ClientProgram
import DistlogClient

/// A subcommand that talks to a server.
protocol Verb: ParsableCommand {
  var connection: ConnectionOptions { get }

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure)
}

/// What every verb works with.
@MainActor
struct VerbContext {
  let connection: ConnectionOptions
  let environment: ProgramEnvironment
  let output = OutputSink.standardOutput
  let notes: Notes
  let isJSON: Bool

  init(_ connection: ConnectionOptions, _ environment: ProgramEnvironment) {
    self.connection = connection
    self.environment = environment
    isJSON = connection.outputForm(environment) == .json
    notes = Notes(asJSON: isJSON)
  }

  func client() throws(ProgramFailure) -> DistlogClient {
    let configuration = try connection.configuration(environment)
    do {
      return try DistlogClient(configuration)
    } catch {
      throw ProgramFailure(error)
    }
  }

  /// A client of one server alone.
  func client(at address: String) throws(ProgramFailure) -> DistlogClient {
    var configuration = try connection.configuration(environment)
    do {
      configuration.servers = [try ServerAddress(address)]
      return try DistlogClient(configuration)
    } catch {
      throw ProgramFailure(error)
    }
  }

  /// One question to a server, and its answer.
  func ask<Answer>(
    _ question: (DistlogClient) async throws(DistlogError) -> Answer
  ) async throws(ProgramFailure) -> Answer {
    let client = try client()
    do {
      return try await question(client)
    } catch {
      throw ProgramFailure(error)
    }
  }

  /// Prints a result on standard output.
  func show(json: @autoclosure () -> String, table: @autoclosure () -> String)
    throws(ProgramFailure)
  {
    do {
      try output.write(isJSON ? json() + "\n" : table())
    } catch {
      throw .output(error)
    }
  }

  /// The log that is meant: the flag, the environment, the default one (empty).
  func log(_ flag: String?) -> String { flag ?? environment["LOG"] ?? "" }
}
