import AccessControl
import GRPCWire
import LogAPI
import RPC

/// What the service remembers of one connection: its loop and what its subject may do.
final class ConnectionState {
  let loop: ServiceLoop
  let subject: String
  private let rules: RulesInForce
  /// Of the rules that `decisions` come from.
  private var generation: Int
  private var decisions: [Bool?]

  init(loop: ServiceLoop, subject: String, rules: RulesInForce) {
    self.loop = loop
    self.subject = subject
    self.rules = rules
    generation = rules.generation
    decisions = Array(repeating: nil, count: LogMethod.allCases.count)
  }

  /// Nil when the subject may call `method` on the default log, otherwise the refusal.
  ///
  /// Decided once per connection and method, and again when the rules were replaced: they are not looked at for each call.
  ///
  /// - Parameter ordinal: the method's place among all methods.
  func refusal(of method: LogMethod, ordinal: Int) -> Status? {
    guard let action = Action(method) else { return nil }
    if generation != rules.generation { forgetDecisions() }
    let allowed: Bool
    if let known = decisions[ordinal] {
      allowed = known
    } else {
      allowed = rules.current.allows(subject: subject, action: action, object: LogName.default)
      decisions[ordinal] = allowed
    }
    guard !allowed else { return nil }
    return .aclDenied(subject: subject, action: action.rawValue, object: LogName.default)
  }

  /// The same of a method by its path; nil for one that is not ours.
  func refusal(ofPath path: String) -> Status? {
    guard let method = LogMethod(rawValue: path),
      let ordinal = LogMethod.allCases.firstIndex(of: method)
    else { return nil }
    return refusal(of: method, ordinal: ordinal)
  }

  private func forgetDecisions() {
    // Before the rules are looked at: those that are replaced meanwhile are noticed at the next call.
    generation = rules.generation
    for ordinal in decisions.indices { decisions[ordinal] = nil }
  }
}

extension ServerCall {
  /// The name that the rules know the caller by.
  var subject: String { (connection.attachment as? ConnectionState)?.subject ?? "" }
}

extension Action {
  /// The action a method needs; nil for those that any valid identity may call.
  init?(_ method: LogMethod) {
    guard let name = method.action, let action = Action(rawValue: name) else { return nil }
    self = action
  }
}

/// The one log of this version.
enum LogName {
  static let `default` = "default"

  /// "" means the default log, as in proglog.
  static func isDefault(_ name: String) -> Bool { name.isEmpty || name == Self.default }

  /// Whether a log could have this name.
  static func isValid(_ name: String) -> Bool {
    guard (1...128).contains(name.utf8.count), name != ".", name != ".." else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }

  /// `isDefault` of a name in UTF-8.
  static func isDefault(_ name: UnsafeRawBufferPointer) -> Bool {
    name.isEmpty || name.elementsEqual(Self.default.utf8)
  }
}
