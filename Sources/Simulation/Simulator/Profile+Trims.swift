import ClusterModel

/// The log's start moves on while somebody is away, who then gets an image; what is about that breaks.
extension PlanWriter {
  mutating func trims() {
    plan.conditions.spares = 1
    smallSegments()
    plan.conditions.appendBytes = 1 << (6 + random.below(8))
    while !isDone {
      add(.heal)
      add(.slowDisks(by: random.oneIn(3) ? some(0...15) : 0))
      wait(200...700)
      if random.oneIn(4) { newDisk() } else { leftBehind() }
    }
  }

  /// Segments that are full after a part of a second, and what goes by itself.
  mutating func smallSegments() {
    plan.conditions.segmentBytes = 4 << (10 + random.below(3))
    plan.conditions.looksAfter = some(50...600)
    if random.oneIn(2) {
      plan.conditions.retentionBytes = UInt64(plan.conditions.segmentBytes * (1 + random.below(6)))
    }
  }

  /// One that was away needs what is gone; it, or who sends it that, ends at some point of it.
  private mutating func leftBehind() {
    let (away, power) = (Target.follower(random.below(nodes - 1)), random.oneIn(2))
    let absence = some(500...1_500)
    if random.oneIn(2) {
      add(.crash(away, power: power, downFor: absence))
    } else {
      add(.isolate(away))
    }
    add(.trim(percent: 100), after: absence - some(0...300))
    wait(0...100)
    time += absence
    if random.oneIn(3) { add(.doubling(oneIn: 1 + random.below(3))) }
    if random.oneIn(4) { add(.lateness(oneIn: 3 + random.below(20))) }
    for _ in 0..<1 + random.below(3) { add(.ambush(at: momentOfImage(), blowOfTrims())) }
    if random.oneIn(2) { add(.regroup) } else { add(.heal) }
    if random.oneIn(3) { add(.trim(percent: 40 + random.below(61)), after: some(0...400)) }
    wait(300...1_200)
    // Once more, to somewhere before: nothing comes back.
    if random.oneIn(2) { add(.trim(percent: random.below(100))) }
  }

  /// One leaves, loses its disk and comes back as another one.
  private mutating func newDisk() {
    add(.change(.remove(.follower(random.below(nodes - 1)))))
    wait(100...300)
    for _ in 0..<2 {
      add(.wipe(.outsider(random.below(2)), downFor: some(1...100)))
      add(.trim(percent: 100), after: some(0...100))
      wait(100...300)
    }
    if random.oneIn(2) { add(.ambush(at: momentOfImage(), blowOfTrims())) }
    add(.change(.addLearner(.outsider(random.below(2)))))
    if random.oneIn(3) { add(.crash(anyone(), power: true, downFor: some(10...400))) }
    for _ in 0..<3 {
      wait(150...500)
      add(.change(.toward(voters: nodes)))
    }
  }

  private mutating func momentOfImage() -> Trigger {
    let all: [Trigger] = [.sentImage, .tookPart, .installing, .installing, .installed, .removed]
    return all[random.below(all.count)]
  }

  private mutating func blowOfTrims() -> Blow {
    switch random.below(5) {
    case 0: .isolate
    case 1: .isolateThenCrash(after: some(0...20), downFor: some(1...600))
    case 2: .crash(power: false, downFor: some(1...600))
    default: .crash(power: true, downFor: some(1...600))
    }
  }
}
