import ClusterModel

/// Which faults a run has.
package enum Profile: String, CaseIterable, Codable, Sendable {
  case calm, net, crash, disk, leader, all
  /// Nodes that stand together, are struck as they win, and hear answers of terms that are over.
  case elections
  /// Leaders that come and go with entries that few have: figure 8 of the paper, over and over.
  case figure8
  /// Leaders that end as they acknowledge, and readers that ask the next one at once.
  case reads
  /// Nodes that lose the end of their log just as those that have it too are away.
  case torn
  /// Answers to a leader that arrive in its next term.
  case late
  /// Nodes join, vote and leave while links break.
  case members
  /// The log's start moves, and who was away meanwhile gets an image.
  case trims

  /// By the seed, mostly everything; what takes the rarest meeting of faults more often than others.
  static func chosen(_ random: inout SeededRandom) -> Profile {
    let choices: [Profile] = [
      .net, .crash, .disk, .leader, .all, .all, .elections, .elections, .figure8, .reads, .torn,
      .late,
      .members, .members, .trims, .trims,
    ]
    return choices[random.below(choices.count)]
  }
}

extension Plan {
  static let second: UInt64 = 1_000_000_000

  /// Faults for `nodes` voters over `duration` nanoseconds, the last of them some seconds before the end.
  init(_ profile: Profile, nodes: Int, duration: UInt64, random: inout SeededRandom) {
    var writer = PlanWriter(nodes: nodes, end: duration - 4 * Plan.second, random: random.fork())
    switch profile {
    case .calm: break
    case .net, .crash, .disk, .leader, .all: writer.scatter(profile)
    case .elections: writer.elections()
    case .figure8: writer.figure8()
    case .reads: writer.reads()
    case .torn: writer.torn()
    case .late: writer.late()
    case .members: writer.members()
    case .trims: writer.trims()
    }
    self = writer.plan
    steps.sort { $0.time < $1.time }
  }
}

/// Writes a plan from the start of a run to its end.
struct PlanWriter {
  let nodes: Int
  /// After this there are no faults.
  let end: UInt64
  var random: SeededRandom
  var plan = Plan(steps: [])
  /// The moment that the next step is written for.
  var time: UInt64 = Plan.second / 2

  init(nodes: Int, end: UInt64, random: SeededRandom) {
    self.nodes = nodes
    self.end = end
    self.random = random
  }

  var isDone: Bool { time >= end }

  mutating func add(_ fault: Fault, after delay: UInt64 = 0) {
    let at = time + delay
    if at < end { plan.steps.append(Plan.Step(time: at, fault: fault)) }
  }

  mutating func wait(_ milliseconds: ClosedRange<UInt64>) { time += some(milliseconds) }

  /// So many milliseconds, in nanoseconds.
  mutating func some(_ milliseconds: ClosedRange<UInt64>) -> UInt64 {
    let low = milliseconds.lowerBound * 1_000_000
    return low + random.below((milliseconds.upperBound - milliseconds.lowerBound) * 1_000_000 + 1)
  }

  mutating func anyNode() -> Target { .node(random.below(nodes)) }

  mutating func anyone() -> Target {
    switch random.below(3) {
    case 0: .leader
    case 1: .follower(random.below(nodes - 1))
    default: anyNode()
    }
  }

  /// All nodes but one, by number.
  func others(_ node: Int) -> [Target] { (0..<nodes).filter { $0 != node }.map { .node($0) } }
}

extension PlanWriter {
  /// Faults of all kinds, one after the other, that know nothing of each other.
  mutating func scatter(_ profile: Profile) {
    if random.oneIn(3) { plan.conditions.appendBytes = 1 << (6 + random.below(7)) }
    if random.oneIn(4) { plan.conditions.electionTimeout = 300_000_000...330_000_000 }
    if profile == .all, random.oneIn(2) { smallSegments() }
    while !isDone {
      wait(50...1_250)
      add(one(profile))
      if random.oneIn(4) { add(.heal, after: some(0...1_000)) }
    }
  }

  private mutating func one(_ profile: Profile) -> Fault {
    let choices: [Fault] =
      switch profile {
      case .net: network()
      case .crash: crashes() + [.heal]
      case .disk: disks()
      case .leader: leaders()
      default:
        network() + crashes() + disks() + leaders()
          + [.tearAll(downFor: some(20...1_500)), .trim(percent: random.below(101))]
      }
    return choices[random.below(choices.count)]
  }

  private mutating func network() -> [Fault] {
    let node = random.below(nodes)
    return [
      .cut(from: [.node(node)], to: others(node), bothWays: random.oneIn(2)), halves(),
      .isolate(.leader), .heal, .heal, .loss(oneIn: 2 + random.below(30)),
      .doubling(oneIn: 2 + random.below(20)), .lateness(oneIn: 5 + random.below(60)),
      .lateAnswers(oneIn: 2 + random.below(20)), .disconnect(anyone(), anyone()),
      .pause(.node(node), for: some(20...1_500)), .pause(.leader, for: some(20...1_500)),
    ]
  }

  private mutating func crashes() -> [Fault] {
    let (power, short) = (random.oneIn(2), some(20...1_500))
    return [
      .crash(anyNode(), power: power, downFor: short),
      .crash(.leader, power: power, downFor: short), .crashAll(power: power, downFor: short),
      .crash(anyNode(), power: true, downFor: 1_000_000),
      .ambush(at: trigger(), .crash(power: power, downFor: short)),
    ]
  }

  private mutating func disks() -> [Fault] {
    let (node, short) = (anyNode(), some(20...1_500))
    return [
      .slowDisk(node, by: random.below(80_000_000 as UInt64)), .slowDisk(node, by: 0),
      .diskError(node, after: 1 + random.below(6)), .fullDisk(node, for: short),
      .crash(node, power: true, downFor: short), .damageTail(node, downFor: short),
      .damageTail(anyone(), downFor: short),
    ]
  }

  private mutating func leaders() -> [Fault] {
    let short = some(20...1_500)
    return [
      .crash(.leader, power: random.oneIn(2), downFor: short), .isolate(.leader),
      .pause(.leader, for: short), .transfer(to: anyNode()), .heal,
      .ambush(at: trigger(), random.oneIn(2) ? .isolate : .crash(power: true, downFor: short)),
      .clock(anyNode(), by: Int64(random.below(7_200)) * 1_000_000_000 - 3_600_000_000_000),
    ]
  }

  mutating func trigger() -> Trigger {
    var all: [Trigger] = [.won, .committed, .acknowledged, .wrote]
    if plan.conditions.looksAfter > 0 { all += [.removed, .installing] }
    return all[random.below(all.count)]
  }

  private mutating func halves() -> Fault {
    var left: [Target] = []
    var right: [Target] = []
    for node in 0..<nodes {
      if random.oneIn(2) { left.append(.node(node)) } else { right.append(.node(node)) }
    }
    return .cut(from: left, to: right, bothWays: !random.oneIn(3))
  }
}
