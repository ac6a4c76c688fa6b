import ClusterModel

/// What goes wrong in a run, and when: explicit, so that it can be taken apart.
package struct Plan: Sendable {
  package struct Step: Sendable, CustomStringConvertible {
    package var time: UInt64
    package var fault: Fault

    package var description: String { "\(Double(time / 1_000_000) / 1_000) s: \(fault)" }
  }

  package enum Fault: Sendable {
    /// The process is killed; what the disk had not synced may be lost. It starts again after so long.
    case crash(node: Int, power: Bool, downFor: UInt64)
    case crashAll(power: Bool, downFor: UInt64)
    /// The leader, whoever that is then.
    case crashLeader(power: Bool, downFor: UInt64)
    case pause(node: Int, for: UInt64)
    case pauseLeader(for: UInt64)
    /// One side does not hear the other, or neither.
    case cut(from: [Int], to: [Int], bothWays: Bool)
    case isolateLeader
    case heal
    case loss(oneIn: Int)
    case doubling(oneIn: Int)
    case lateness(oneIn: Int)
    case slowDisk(node: Int, by: UInt64)
    /// The disk call number `after` from now fails.
    case diskError(node: Int, after: Int)
    case fullDisk(node: Int, for: UInt64)
    case clock(node: Int, by: Int64)
    case transfer(to: Int)
    /// All nodes lose power in the middle of what they write.
    case tearAll(downFor: UInt64)
    /// A node loses power, and with it the end of its log that was on the disk already; only where a majority of the others
    /// has all that was ever committed.
    case damageTail(node: Int, downFor: UInt64)
  }

  package var steps: [Step]
}

/// Which faults a run has.
package enum Profile: String, CaseIterable, Sendable {
  case calm, net, crash, disk, leader, all

  /// By the seed, mostly everything.
  static func chosen(_ random: inout SeededRandom) -> Profile {
    let choices: [Profile] = [.net, .crash, .disk, .leader, .all, .all, .all]
    return choices[random.below(choices.count)]
  }
}

extension Plan {
  private static let second: UInt64 = 1_000_000_000

  /// Faults for `nodes` nodes over `duration` nanoseconds, the last of them some seconds before the end.
  init(_ profile: Profile, nodes: Int, duration: UInt64, random: inout SeededRandom) {
    steps = []
    guard profile != .calm else { return }
    var time = Plan.second / 2
    while time + 4 * Plan.second < duration {
      time += 50_000_000 + random.below(1_200_000_000 as UInt64)
      steps.append(Step(time: time, fault: Plan.fault(profile, nodes, &random)))
      if random.oneIn(4) {
        steps.append(Step(time: time + random.below(Plan.second), fault: .heal))
      }
    }
    steps.sort { $0.time < $1.time }
  }

  private static func fault(
    _ profile: Profile, _ nodes: Int, _ random: inout SeededRandom
  ) -> Fault {
    let node = random.below(nodes)
    let short = 20_000_000 + random.below(1_500_000_000 as UInt64)
    let power = random.oneIn(2)
    let network: [Fault] = [
      .cut(from: [node], to: others(node, nodes), bothWays: random.oneIn(2)),
      halves(nodes, &random),
      .isolateLeader, .heal, .heal, .loss(oneIn: 2 + random.below(30)),
      .doubling(oneIn: 2 + random.below(20)),
      .lateness(oneIn: 5 + random.below(60)), .pause(node: node, for: short),
      .pauseLeader(for: short),
    ]
    let crashes: [Fault] = [
      .crash(node: node, power: power, downFor: short), .crashLeader(power: power, downFor: short),
      .crashAll(power: power, downFor: short), .crash(node: node, power: true, downFor: 1_000_000),
    ]
    let disks: [Fault] = [
      .slowDisk(node: node, by: random.below(80_000_000 as UInt64)), .slowDisk(node: node, by: 0),
      .diskError(node: node, after: 1 + random.below(6)),
      .fullDisk(node: node, for: short), .crash(node: node, power: true, downFor: short),
      .damageTail(node: node, downFor: short), .damageTail(node: node, downFor: short),
    ]
    let leaders: [Fault] = [
      .crashLeader(power: power, downFor: short), .isolateLeader, .pauseLeader(for: short),
      .transfer(to: node), .heal,
      .clock(node: node, by: Int64(random.below(7_200)) * 1_000_000_000 - 3_600_000_000_000),
    ]
    let choices: [Fault] =
      switch profile {
      case .calm: [.heal]
      case .net: network
      case .crash: crashes + [.heal]
      case .disk: disks
      case .leader: leaders
      case .all: network + crashes + disks + leaders + [.tearAll(downFor: short)]
      }
    return choices[random.below(choices.count)]
  }

  private static func others(_ node: Int, _ nodes: Int) -> [Int] {
    (0..<nodes).filter { $0 != node }
  }

  private static func halves(_ nodes: Int, _ random: inout SeededRandom) -> Fault {
    var left: [Int] = []
    var right: [Int] = []
    for node in 0..<nodes { if random.oneIn(2) { left.append(node) } else { right.append(node) } }
    return .cut(from: left, to: right, bothWays: !random.oneIn(3))
  }
}
