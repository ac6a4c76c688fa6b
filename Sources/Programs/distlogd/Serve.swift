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
  @Flag(help: "Stop when standard input ends, too, as whoever started this server holds it open.")
  var stopWithStdin = false

  func run() async throws {
    let signals = Signals(endsWithInput: stopWithStdin)
    let configuration = Exit.orLeave { try AgentConfiguration(options.values()) }
    let logger = Self.logger(configuration)
    let starting = Task { try await Agent.start(configuration, logger: logger) }
    let told = Self.stopSignal(signals, starting, logger)
    let agent: Agent
    do {
      agent = try await starting.value
    } catch is CancellationError {
      logger.info("stopped before it was part of a cluster")
      LogSink.standardError.flush(seconds: 1)
      return
    } catch {
      Exit.leave(error)
    }
    print("ready node=\(configuration.nodeID) rpc=\(agent.address)")
    fflush(nil)
    let reloading = Task {
      for await _ in signals.hangups { await agent.reload() }
    }
    for await _ in told {}
    reloading.cancel()
    do {
      try await agent.stop()
    } catch {
      Exit.leave(error)
    }
    LogSink.standardError.flush(seconds: 1)
  }

  /// Ends when the server is to stop; a start that is under way is given up. A second signal ends the process.
  private static func stopSignal(
    _ signals: Signals, _ starting: Task<Agent, any Error>, _ logger: Logger
  ) -> AsyncStream<Void> {
    let (told, tell) = AsyncStream.makeStream(of: Void.self)
    Task {
      await signals.next()
      starting.cancel()
      tell.finish()
      await signals.next()
      logger.warning("stopped at once by a second signal")
      LogSink.standardError.flush(seconds: 1)
      Foundation.exit(130)
    }
    return told
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
