/// Decides who may do what: no unless a rule says yes, and no if any rule says no.
///
/// The rules are sorted into tables once, so that a decision looks at nothing that cannot matter.
package struct Authorizer: Sendable {
  /// What was decided, and the rule that decided it; without one, nothing allowed it.
  package struct Decision: Sendable {
    package let allowed: Bool
    package let rule: PolicyRule?
  }

  /// One name in the policy, as a position in `parents`.
  private typealias NameNumber = Int

  private struct Scope: Hashable {
    let name: NameNumber
    let action: Action
  }

  private var numbers: [ExactName: NameNumber] = [:]
  /// The groups each name is directly in, by the name's number.
  private var parents: [[NameNumber]] = []
  private var denials: [Scope: RuleTable] = [:]
  private var permissions: [Scope: RuleTable] = [:]

  package init(_ policy: Policy) {
    for rule in policy.rules {
      let scope = Scope(name: number(of: rule.subject), action: rule.action)
      switch rule.effect {
      case .allow: permissions[scope, default: RuleTable()].insert(rule)
      case .deny: denials[scope, default: RuleTable()].insert(rule)
      }
    }
    for membership in policy.memberships {
      let member = number(of: membership.member)
      parents[member].append(number(of: membership.group))
    }
  }

  /// - Parameters:
  ///   - subject: The verified name of the caller. The empty name may do nothing.
  ///   - object: A log's name, without `log:`.
  package func allows(subject: String, action: Action, object: String) -> Bool {
    decide(subject: subject, action: action, object: object).allowed
  }

  /// The same, with the rule that decided: of several the first in the file.
  package func decide(subject: String, action: Action, object: String) -> Decision {
    guard !subject.isEmpty, let number = numbers[ExactName(subject)] else {
      return Decision(allowed: false, rule: nil)
    }
    let names = namesHeld(by: number)
    if let rule = firstRule(in: denials, names: names, action: action, object: object) {
      return Decision(allowed: false, rule: rule)
    }
    let rule = firstRule(in: permissions, names: names, action: action, object: object)
    return Decision(allowed: rule != nil, rule: rule)
  }

  /// The subject and every group it is in, directly or through other groups, each once.
  private func namesHeld(by subject: NameNumber) -> [NameNumber] {
    guard !parents[subject].isEmpty else { return [subject] }
    var names = [subject]
    var seen: Set = [subject]
    var next = 0
    while next < names.count {
      for group in parents[names[next]] where seen.insert(group).inserted { names.append(group) }
      next += 1
    }
    return names
  }

  private func firstRule(
    in tables: [Scope: RuleTable], names: [NameNumber], action: Action, object: String
  ) -> PolicyRule? {
    names.compactMap { tables[Scope(name: $0, action: action)]?.firstRule(matching: object) }
      .min { $0.line < $1.line }
  }

  private mutating func number(of name: String) -> NameNumber {
    if let number = numbers[ExactName(name)] { return number }
    numbers[ExactName(name)] = parents.count
    parents.append([])
    return parents.count - 1
  }
}

/// The rules of one effect for one name and action, by the kind of their object.
private struct RuleTable: Sendable {
  private var everything: PolicyRule?
  private var exact: [ExactName: PolicyRule] = [:]
  private var prefixes: [(beginning: String, rule: PolicyRule)] = []

  /// Rules come in the order of the file; an equal one that came before stays.
  mutating func insert(_ rule: PolicyRule) {
    switch rule.object {
    case .everything: if everything == nil { everything = rule }
    case .exactly(let name): exact.merge([ExactName(name): rule]) { first, _ in first }
    case .prefix(let beginning): prefixes.append((beginning, rule))
    }
  }

  func firstRule(matching object: String) -> PolicyRule? {
    let byPrefix = prefixes.first { object.utf8.starts(with: $0.beginning.utf8) }?.rule
    return [everything, exact[ExactName(object)], byPrefix].compactMap(\.self)
      .min { $0.line < $1.line }
  }
}
