import Agent
import ArgumentParser
import Foundation
import Logging

/// Runs the server until it is told to stop.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve the log (the default).",
    discussion: """
      SIGTERM and SIGINT finish what was accepted and stop; a second one stops at once. \
      SIGHUP reads certificates, revocation lists and rules again; so does a change of their files, within tls.reload.
      """)

  @OptionGroup var options: ServerOptions

  func run() async throws {
    let signals = Signals()
    let configuration = Exit.orLeave { try AgentConfiguration(options.values()) }
    let logger = Self.logger(configuration)
    let agent: Agent
    do {
      agent = try await Agent.start(configuration, logger: logger)
    } catch {
      Exit.leave(error)
    }
    print("ready node=\(configuration.nodeID) rpc=\(agent.address)")
    fflush(nil)
    let reloading = Task {
      for await _ in signals.hangups { await agent.reload() }
    }
    await signals.next()
    reloading.cancel()
    Task {
      await signals.next()
      logger.warning("stopped at once by a second signal")
      LogSink.standardError.flush(seconds: 1)
      Foundation.exit(130)
    }
    do {
      try await agent.stop()
    } catch {
      Exit.leave(error)
    }
    LogSink.standardError.flush(seconds: 1)
  }

  private static func logger(_ configuration: AgentConfiguration) -> Logger {
    let isJSON =
      switch configuration.logFormat {
      case .json: true
      case .text: false
      case .automatic: isatty(STDERR_FILENO) == 0
      }
    return Logger(label: "distlogd") { label in
      guard isJSON else { return TextLogHandler(level: configuration.logLevel) }
      return JSONLogHandler(
        label: label, node: configuration.nodeID, level: configuration.logLevel)
    }
  }
}
