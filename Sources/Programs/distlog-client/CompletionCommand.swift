import ArgumentParser
import ClientProgram

/// Prints what makes a shell complete this program's arguments.
struct CompletionCommand: ParsableCommand {
  enum Shell: String, ExpressibleByArgument, CaseIterable {
    case bash
    case zsh
    case fish
  }

  static let configuration = CommandConfiguration(
    commandName: "completion", abstract: "Print a completion script for a shell.",
    discussion: """
      bash: distlog-client completion bash > ~/.local/share/bash-completion/completions/distlog-client
      zsh: distlog-client completion zsh > "${fpath[1]}/_distlog-client"
      fish: distlog-client completion fish > ~/.config/fish/completions/distlog-client.fish
      """)

  @Argument(help: "bash, zsh or fish.")
  var shell: Shell

  func run() {
    let kind: CompletionShell =
      switch shell {
      case .bash: .bash
      case .zsh: .zsh
      case .fish: .fish
      }
    print(DistlogClientCommand.completionScript(for: kind))
  }
}
