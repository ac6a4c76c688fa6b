import AccessControl

/// Bytes as a policy file: refused with the line, or decided by.
enum PolicyFuzz {
  static func run(_ input: FuzzInput) throws(FuzzFinding) {
    let policy: Policy
    do throws(PolicyError) {
      policy = try Policy(parsing: Array(input.rest), file: "policy.csv")
    } catch {
      try require(!error.description.isEmpty, "an error says nothing")
      try require(
        !error.description.unicodeScalars.contains { $0.value < 0x20 },
        "an error has control characters")
      return
    }
    try decide(policy)
    try printAgain(policy)
  }

  private static func decide(_ policy: Policy) throws(FuzzFinding) {
    let authorizer = Authorizer(policy)
    let subjects =
      policy.rules.prefix(6).map(\.subject) + policy.memberships.prefix(6).map(\.member) + [""]
    let objects =
      policy.rules.prefix(6).map { rule in
        switch rule.object {
        case .everything: "anything"
        case .exactly(let name): name
        case .prefix(let beginning): beginning + "x"
        }
      } + [""]
    for subject in subjects {
      for object in objects {
        for action in [Action.produce, .consume, .clusterAdmin] {
          let decision = authorizer.decide(subject: subject, action: action, object: object)
          try require(
            decision.allowed == (decision.rule?.effect == .allow), "a decision without its rule")
          try require(
            decision.rule.map { $0.action == action } ?? true, "a rule of another action decided")
          try require(!(subject.isEmpty && decision.allowed), "the empty subject may something")
        }
      }
    }
    // A rule counts for the very subject that it names, unless another forbids.
    for rule in policy.rules.prefix(20) {
      guard case .exactly(let name) = rule.object else { continue }
      let decision = authorizer.decide(subject: rule.subject, action: rule.action, object: name)
      try require(decision.rule != nil, "\(rule.text) has no effect")
      if rule.effect == .deny { try require(!decision.allowed, "\(rule.text) does not deny") }
    }
  }

  /// A rule's text is a line that says the same, as far as its names need no quotes.
  private static func printAgain(_ policy: Policy) throws(FuzzFinding) {
    let plain = policy.rules.filter { rule in
      let name = rule.subject.utf8
      return !name.contains(UInt8(ascii: ",")) && name.first != UInt8(ascii: "\"")
        && name.first != UInt8(ascii: " ") && name.last != UInt8(ascii: " ")
    }
    let text = plain.map(\.text).joined(separator: "\n")
    guard text.utf8.count <= Policy.maxBytes else { return }
    guard let again = try? Policy(parsing: text, file: "again.csv") else {
      throw FuzzFinding("printed rules are refused")
    }
    try require(again.rules.map(\.text) == plain.map(\.text), "printed rules say something else")
  }

  static var seeds: [[UInt8]] {
    let texts = [
      "# rules\np, root, *, produce\np, root, *, consume\n\np, writers, orders-*, produce\n"
        + "g, alice, writers\np, alice, orders-secret, produce, deny\r\n",
      "p, \"CN=a, O=b\"\"c\", log:orders-eu, cluster.read, allow\ng, a, b\ng, b, a\n",
      "\u{FEFF}p, caf\u{E9}, log:x*, cursor\n", "p, a, b, prodce\n", "q, a\n", "p, \"a, b\n",
    ]
    return texts.map { Array($0.utf8) }
  }
}
