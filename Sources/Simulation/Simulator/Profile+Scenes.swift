import ClusterModel

/// Scenes: faults that only together lead to the states in which a broken rule shows. Each is played again and again, with
/// other times.
extension PlanWriter {
  /// Nodes that ask for votes at the same moment, and get answers to what they asked before.
  mutating func elections() {
    plan.conditions.electionTimeout = 300_000_000...(301_000_000 + some(0...20))
    while !isDone {
      add(.heal)
      add(.lateAnswers(oneIn: 1 + random.below(4)))
      if random.oneIn(3) { add(.doubling(oneIn: 3)) }
      add(.slowDisks(by: some(0...6)))
      // Leader after leader, each as soon as it wins; then a time to recover.
      for _ in 0..<1 + random.below(5) {
        add(.ambush(at: .won, blowOfElections()))
        // Back at once, while others ask for the vote in the same term.
        let away = 20_000 + random.below(random.oneIn(2) ? 400_000 : 4_000_000 as UInt64)
        add(.ambush(at: .voted, .crash(power: random.oneIn(2), downFor: away)))
        wait(350...1_400)
      }
      if random.oneIn(2) { add(.crash(.leader, power: true, downFor: some(10...500))) }
      if random.oneIn(2) { add(.heal) }
      wait(500...1_500)
    }
  }

  private mutating func blowOfElections() -> Blow {
    switch random.below(3) {
    case 0: .isolate
    case 1: .crash(power: random.oneIn(2), downFor: some(1...600))
    default: .isolateThenCrash(after: some(0...40), downFor: some(1...400))
    }
  }

  /// Figure 8: an entry that only its leader has, one of a later term in its place elsewhere, the first leader again, and
  /// then the second.
  mutating func figure8() {
    plan.conditions.appendBytes = 1
    if random.oneIn(2) { plan.conditions.electionTimeout = 300_000_000...380_000_000 }
    while !isDone {
      add(.heal)
      add(.slowDisks(by: random.oneIn(2) ? 0 : some(0...4)))
      // (a) The leader goes on alone, and ends.
      add(.isolate(.leader), after: some(0...20))
      let alone = some(10...120)
      let first = some(700...1_100)
      add(.crash(.leader, power: random.oneIn(3), downFor: first), after: alone + 20_000_000)
      // (b) The next one has its entry on its own disk only.
      add(.ambush(at: .won, .isolateThenCrash(after: some(1...12), downFor: some(1_500...2_600))))
      add(.heal, after: first)
      // (c) The first one is back, and ends as it commits something; or somewhat later.
      let power = random.oneIn(3)
      add(.ambush(at: .committed, .crash(power: power, downFor: 3_000_000_000)), after: first)
      if random.oneIn(3) { add(.disconnect(.leader, .follower(0)), after: first + some(200...900)) }
      // (d) The second one is back.
      wait(3_000...4_500)
    }
  }

  /// The leader ends as it acknowledges, so that the next one does not know what is committed; its disk and those of its
  /// followers are slow, so that it takes a while to find out.
  mutating func reads() {
    plan.conditions.readers = 6
    while !isDone {
      add(.heal)
      add(.slowDisks(by: some(10...90)))
      let blow: Blow =
        random.oneIn(2) ? .isolate : .crash(power: random.oneIn(2), downFor: some(300...1_500))
      add(.ambush(at: random.oneIn(4) ? .committed : .acknowledged, blow))
      wait(700...2_200)
      if random.oneIn(3) {
        add(.slowDisks(by: 0))
        wait(300...900)
      }
    }
  }

  /// One follower lags; of those that do not, one loses the end of its log and the other is away.
  mutating func torn() {
    while !isDone {
      add(.heal)
      add(.slowDisks(by: 0))
      wait(400...900)
      let damaged = random.below(nodes - 1)
      let lagging = (0..<nodes - 1).filter { $0 != damaged }.map(Target.follower)
      // A majority with the leader, and no node more.
      let behind = Array(lagging.prefix(nodes / 2))
      add(.cut(from: [.leader, .follower(damaged)], to: behind, bothWays: true))
      wait(20...250)
      add(.damageTail(.follower(damaged), downFor: some(1...80)))
      let away = some(1_000...2_500)
      add(
        random.oneIn(2)
          ? .pause(.leader, for: away) : .crash(.leader, power: random.oneIn(2), downFor: away),
        after: some(0...2))
      add(.heal, after: some(3...100))
      wait(1_500...3_000)
    }
  }

  /// A leader that has lost its office gets it back, and then the answers of its first time.
  mutating func late() {
    plan.conditions.electionTimeout = 300_000_000...340_000_000
    if random.oneIn(2) { plan.conditions.appendBytes = 64 }
    while !isDone {
      add(.heal)
      add(.lateAnswers(oneIn: 1 + random.below(4)))
      add(.slowDisks(by: 0))
      wait(100...400)
      let leader = random.below(nodes)
      add(.transfer(to: .node(leader)))
      wait(100...300)
      // The leader and less than half of the others go on alone, and are followed by nobody else.
      let with = Array(others(leader).prefix(nodes / 2 - (random.oneIn(4) ? 1 : 0)))
      let rest = others(leader).filter { !with.contains($0) }
      add(.cut(from: [.node(leader)] + with, to: rest, bothWays: true))
      wait(250...700)
      add(.heal)
      // Those that were with it are slow to hear of what has changed.
      for node in with where random.oneIn(2) { add(.slowDisk(node, by: some(20...200))) }
      wait(50...400)
      add(.transfer(to: .node(leader)))
      if random.oneIn(2), let first = with.first {
        add(.damageTail(first, downFor: some(1...60)), after: some(0...400))
      }
      if random.oneIn(2) { add(.disconnect(.leader, anyNode()), after: some(0...800)) }
      wait(300...1_500)
    }
  }
}
