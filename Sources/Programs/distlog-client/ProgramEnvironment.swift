import ClientProgram
import Glibc

/// The variables DISTLOG_..., each of which stands in for a flag; an empty one counts as unset.
struct ProgramEnvironment: Sendable {
  subscript(name: String) -> String? {
    guard let value = getenv("DISTLOG_\(name)") else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// https://no-color.org
  var forbidsColour: Bool { getenv("NO_COLOR") != nil }
}
