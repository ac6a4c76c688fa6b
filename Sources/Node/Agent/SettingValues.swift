internal import AccessControl
internal import Foundation
internal import Yams

/// The text of every setting with where it came from: flag > environment > file > default.
package struct SettingValues: Sendable {
  package enum Origin: Sendable, CustomStringConvertible {
    case flag(String)
    case environment(String)
    case file(String)
    case standard

    package var description: String {
      switch self {
      case .flag(let name): "flag \(name)"
      case .environment(let name): "environment \(name)"
      case .file(let path): "file \(path)"
      case .standard: "default"
      }
    }
  }

  package struct Value: Sendable {
    package var text: String
    package var origin: Origin
  }

  private var values: [String: Value] = [:]

  /// - Parameters:
  ///   - flags: by setting key; nil = not given.
  ///   - file: path of a YAML file; nil = none.
  package init(
    flags: [String: String], environment: [String: String], file: String?
  ) throws(ConfigurationError) {
    let fromFile = try file.map { path throws(ConfigurationError) in try Self.read(path) } ?? [:]
    for setting in Setting.all {
      values[setting.key] =
        if let text = flags[setting.key] {
          Value(text: text, origin: .flag(setting.flag))
        } else if let text = environment[setting.environment] {
          Value(text: text, origin: .environment(setting.environment))
        } else if let text = fromFile[setting.key] {
          Value(text: text, origin: .file(file ?? ""))
        } else {
          Value(text: setting.standard, origin: .standard)
        }
    }
  }

  package subscript(key: String) -> Value {
    guard let value = values[key] else { preconditionFailure("no setting \(key)") }
    return value
  }

  /// The scalars of a YAML file by dotted key.
  private static func read(_ path: String) throws(ConfigurationError) -> [String: String] {
    guard let content = FileManager.default.contents(atPath: path) else {
      throw ConfigurationError("\(path): the configuration file does not exist or cannot be read")
    }
    guard let text = String(data: content, encoding: .utf8) else {
      throw ConfigurationError("\(path): the configuration file is not UTF-8 text")
    }
    let node: Node?
    do {
      node = try Yams.compose(yaml: text)
    } catch {
      throw ConfigurationError("\(path): not valid YAML: \(error)")
    }
    guard let node else { return [:] }
    var scalars: [String: String] = [:]
    try flatten(node, "", path, &scalars)
    return scalars
  }

  private static func flatten(
    _ node: Node, _ prefix: String, _ path: String, _ scalars: inout [String: String]
  ) throws(ConfigurationError) {
    let line = node.mark.map { ":\($0.line)" } ?? ""
    switch node {
    case .mapping(let mapping):
      for (key, value) in mapping {
        guard let name = key.scalar?.string else {
          throw ConfigurationError("\(path)\(line): a key must be a plain word")
        }
        try flatten(value, prefix.isEmpty ? name : "\(prefix).\(name)", path, &scalars)
      }
    case .scalar(let scalar) where scalar.string.isEmpty && Setting.isGroup(prefix):
      // A group whose keys are all commented out.
      return
    case .scalar(let scalar):
      guard Setting.named(prefix) != nil else {
        let nearest = Nearest.name(to: prefix, among: Setting.all.map(\.key))
        let hint = nearest.map { "did you mean \($0)?" } ?? "`distlogd check` lists all keys"
        throw ConfigurationError("\(path)\(line): unknown key \(prefix); \(hint)")
      }
      scalars[prefix] = scalar.string
    default:
      throw ConfigurationError("\(path)\(line): \(prefix) must be one value, not a list")
    }
  }
}

/// The configuration cannot be used; the message names the key or file and the remedy.
package struct ConfigurationError: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}
