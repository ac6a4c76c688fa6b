import ClusterModel
import RaftCore
import RaftNode
import SimulatedDisk

extension Simulation {
  /// Whoever leads in the highest term.
  var leader: Int? {
    var found: Int?
    for node in nodes.indices where nodes[node].replica?.core.role == .leader {
      if found == nil || term(node) > term(found ?? node) { found = node }
    }
    return found
  }

  private func term(_ node: Int) -> UInt64 { nodes[node].replica?.core.hard.term ?? 0 }

  /// Who that is now; nil where there is nobody.
  func resolve(_ target: Target) -> Int? {
    switch target {
    case .node(let node): return node < nodes.count ? node : nil
    case .leader: return leader
    case .follower(let place):
      guard let leader else { return nil }
      let others = members(of: leader).filter { $0 != leader }
      return others.isEmpty ? nil : others[place % others.count]
    case .outsider(let place):
      guard let leader else { return nil }
      let members = members(of: leader)
      let others = nodes.indices.filter { !members.contains($0) }
      return others.isEmpty ? nil : others[place % others.count]
    }
  }

  mutating func strike(_ fault: Fault) {
    verdict.faults += 1
    mix(7)
    note("\(fault)")
    switch fault {
    case .crash(let target, let power, let time):
      if let node = resolve(target) { crash(node, power, time) }
    case .crashAll(let power, let time): for node in nodes.indices { crash(node, power, time) }
    case .tearAll(let time): for node in nodes.indices { crash(node, true, time) }
    case .damageTail(let target, let time):
      if let node = resolve(target) { damageTail(node, time) }
    case .pause(let target, let time):
      if let node = resolve(target) { nodes[node].pausedUntil = now + time }
    case .clock(let target, let skew):
      if let node = resolve(target) { nodes[node].clockSkew = skew }
    case .ambush(let trigger, let blow): arm(trigger, blow)
    case .transfer(let target): transfer(to: target)
    case .change(let change): ask(for: change)
    case .trim(let percent): trim(percent: percent)
    case .wipe(let target, let time): if let node = resolve(target) { wipe(node, time) }
    case .cut, .isolate, .regroup, .heal, .disconnect, .loss, .doubling, .lateness, .lateAnswers:
      strikeNetwork(fault)
    case .slowDisk, .slowDisks, .diskError, .fullDisk: strikeDisk(fault)
    }
    giveRoom()
  }

  private mutating func strikeNetwork(_ fault: Fault) {
    switch fault {
    case .cut(let left, let right, let bothWays):
      cut(left.compactMap(resolve), right.compactMap(resolve), bothWays)
    case .isolate(let target): if let node = resolve(target) { isolate(node) }
    case .regroup: regroup()
    case .heal: healNetwork()
    case .disconnect(let one, let other):
      if let one = resolve(one), let other = resolve(other), one != other {
        reconnect(one, other)
      }
    case .loss(let count): network.lossOneIn = count
    case .doubling(let count): network.doubleOneIn = count
    case .lateness(let count): network.lateOneIn = count
    case .lateAnswers(let count): network.lateAnswerOneIn = count
    default: preconditionFailure("\(fault) is none of the network's")
    }
  }

  private mutating func strikeDisk(_ fault: Fault) {
    switch fault {
    case .slowDisk(let target, let time):
      if let node = resolve(target) { nodes[node].slowness = time }
    case .slowDisks(let time): for node in nodes.indices { nodes[node].slowness = time }
    case .diskError(let target, let calls):
      guard let node = resolve(target) else { return }
      nodes[node].disk.faults.failingCall = nodes[node].disk.calls + calls
    case .fullDisk(let target, let time):
      guard let node = resolve(target) else { return }
      nodes[node].disk.faults.capacity = nodes[node].disk.used
      roomAgain[node] = now + time
    default: preconditionFailure("\(fault) is none of a disk's")
    }
  }

  mutating func crash(_ node: Int, _ power: Bool, _ time: UInt64) {
    guard nodes[node].isUp else { return }
    stop(node, power: power)
    queue.add(.start(node: node), at: now + time)
  }

  private mutating func cut(_ left: [Int], _ right: [Int], _ bothWays: Bool) {
    for from in left {
      for to in right where from != to {
        network.setCut(true, from: from, to: to)
        if bothWays { network.setCut(true, from: to, to: from) }
      }
    }
  }

  func others(_ node: Int) -> [Int] { nodes.indices.filter { $0 != node } }

  mutating func isolate(_ node: Int) { cut([node], others(node), true) }

  private mutating func regroup() {
    guard let leader else { return }
    let with = nodes.indices.filter { $0 == leader || !network.isCut(from: leader, to: $0) }
    healNetwork()
    cut(with, nodes.indices.filter { !with.contains($0) }, true)
  }

  /// The node reaches one of those that it reaches now, and no other.
  mutating func sever(_ node: Int) {
    let reached = others(node).filter { nodes[$0].isUp && !network.isCut(from: node, to: $0) }
    guard let kept = reached.isEmpty ? nil : reached[random.below(reached.count)] else { return }
    cut([node], others(node).filter { $0 != kept }, true)
  }

  private mutating func healNetwork() {
    for (one, other) in network.heal() { reconnect(one, other) }
  }

  /// Both learn soon that what was on its way between them may never arrive.
  private mutating func reconnect(_ one: Int, _ other: Int) {
    for (node, from) in [(one, other), (other, one)] {
      queue.add(
        .disconnected(node: node, life: nodes[node].life, from: from),
        at: now + 100_000 + random.below(5_000_000 as UInt64))
    }
  }

  mutating func disconnected(_ node: Int, _ life: Int, from other: Int) {
    guard nodes[node].life == life, let replica = nodes[node].replica else { return }
    if postpone(.disconnected(node: node, life: life, from: other), node) { return }
    carryOut(node, replica.handle(.disconnected(id(other)), at: instant))
    endTurn(node)
  }

  private mutating func transfer(to target: Target) {
    guard let leader, let replica = nodes[leader].replica, let node = resolve(target) else {
      return
    }
    carryOut(leader, replica.handle(.transfer(to: id(node)), at: instant))
    endTurn(leader)
  }

  /// Disks that were full have room again after a while.
  mutating func giveRoom() {
    for node in nodes.indices where roomAgain[node] <= now || isHealed && roomAgain[node] < .max {
      nodes[node].disk.faults.capacity = nil
      roomAgain[node] = .max
    }
  }

  /// No fault any more: what runs goes on, what is down comes back.
  mutating func healAll() {
    isHealed = true
    ambushes.removeAll()
    healNetwork()
    giveRoom()
    for node in nodes.indices {
      nodes[node].slowness = 0
      nodes[node].pausedUntil = min(nodes[node].pausedUntil, now)
      nodes[node].disk.faults.failingCall = nil
      if !nodes[node].isUp { start(node) }
      if nodes[node].replica?.core.isFenced == true {
        stop(node, power: true)
        start(node)
      }
    }
  }
}
