import ClusterModel

/// Changes of the membership, with links that break about them.
extension PlanWriter {
  mutating func members() {
    plan.conditions.spares = 2
    while !isDone {
      add(.heal)
      wait(200...700)
      switch random.below(4) {
      case 0: hurriedChange()
      case 1: overtakenChange()
      default: quietChanges()
      }
      if random.oneIn(4) { add(.crash(anyone(), power: random.oneIn(2), downFor: some(20...900))) }
    }
  }

  /// All nodes that may be in the group.
  private var total: Int { nodes + plan.conditions.spares }

  private mutating func someone() -> Target { .node(random.below(total)) }

  /// One step after the other, while single faults happen.
  private mutating func quietChanges() {
    for _ in 0..<1 + random.below(6) {
      add(.change(someChange()))
      if random.oneIn(4) { add(.isolate(anyone()), after: some(0...30)) }
      if random.oneIn(6) {
        add(.ambush(at: trigger(), .crash(power: random.oneIn(2), downFor: some(10...900))))
      }
      wait(20...500)
      if random.oneIn(2) { add(.heal) }
    }
  }

  private mutating func someChange() -> Change {
    switch random.below(7) {
    case 0, 1: .addLearner(someone())
    case 2, 3: .promote(someone())
    case 4, 5: .remove(random.oneIn(3) ? .leader : someone())
    default: .addTwoVoters(someone(), someone())
    }
  }

  /// Of four voters one leads, adds a fifth, which alone gets the entry, and ends; the next leader removes one as it wins,
  /// and has a majority of three with one other; then the first two come back with the one that is left: what the rule of a
  /// term's first entry is for (Ongaro, raft-dev, 2015).
  private mutating func overtakenChange() {
    for _ in 0..<6 {
      add(.change(.toward(voters: 4)))
      wait(100...200)
    }
    let rest: [Target] = (0..<3).map { .follower($0) }
    add(.cut(from: [.leader, .outsider(0)], to: rest, bothWays: true))
    add(.change(.addVoter(.outsider(0))), after: 1_000_000)
    let change: Change = random.oneIn(2) ? .remove(.follower(random.below(3))) : .toward(voters: 3)
    add(.ambush(at: .won, .change(change)), after: 30_000_000)
    wait(1_000...1_300)
    add(.regroup)
    wait(900...1_600)
  }

  /// A leader that nobody else hears changes the membership, and the next one does as well, as soon as it can.
  private mutating func hurriedChange() {
    add(.isolate(.leader))
    let changes = 1 + random.below(3)
    for _ in 0..<changes { add(.change(someChange()), after: some(0...20)) }
    // The next leader changes something as it wins, before anything of its term is committed.
    let next = some(250...700)
    add(.slowDisks(by: some(0...30)), after: next / 2)
    for delay in 0..<UInt64(12) {
      add(.change(someChange()), after: next + delay * 15_000_000)
    }
    wait(500...1_100)
    if random.oneIn(2) {
      add(.ambush(at: .won, .isolateThenCrash(after: some(1...20), downFor: 300_000_000)))
    }
    add(.slowDisks(by: 0))
    add(.heal)
    wait(300...800)
  }
}
