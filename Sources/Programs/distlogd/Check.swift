import Agent
import ArgumentParser
import Foundation

/// Says whether `serve` would start, and with which settings.
struct Check: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check settings, certificates and rules; print the settings in force.",
    discussion: """
      Of the data folder it looks only at whether it may be written: what is in it is judged when it \
      is opened. Exits 0, or 78 or 74 as `serve` with the same settings would.
      """)

  @OptionGroup var options: ServerOptions

  func run() async throws {
    let values = Exit.orLeave { try options.values() }
    let width = Setting.all.map(\.key.count).max() ?? 0
    for setting in Setting.all {
      let value = values[setting.key]
      let padded = setting.key.padding(toLength: width, withPad: " ", startingAt: 0)
      print("\(padded)  \(value.text.isEmpty ? "-" : value.text)  (\(value.origin))")
    }
    do {
      let configuration = try AgentConfiguration(values)
      _ = try Agent.prepare(configuration)
      try Agent.checkDataFolder(configuration)
    } catch {
      Exit.leave(error)
    }
    print("ok")
  }
}
