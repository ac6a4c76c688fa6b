/// One `p` line: a subject or group may, or may not, do one action on some objects.
package struct PolicyRule: Sendable {
  package enum Effect: String, CaseIterable, Sendable {
    case allow
    case deny
  }

  package let subject: String
  package let object: ObjectPattern
  package let action: Action
  package let effect: Effect
  /// Where the rule stands in its file, counted from 1.
  package let line: Int

  /// The rule as a policy line.
  package var text: String {
    let columns = "p, \(subject), \(object.text), \(action.rawValue)"
    return effect == .deny ? columns + ", deny" : columns
  }
}

/// The objects a rule is about: all, those that begin alike, or one.
package enum ObjectPattern: Sendable {
  case everything
  case prefix(String)
  case exactly(String)

  package var text: String {
    switch self {
    case .everything: "*"
    case .prefix(let beginning): beginning + "*"
    case .exactly(let name): name
    }
  }
}

/// One `g` line: a subject, or a whole group, belongs to a group.
package struct PolicyMembership: Sendable {
  package let member: String
  package let group: String
}
