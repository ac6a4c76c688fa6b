import CommitLog
import RaftNode
import RaftCore
import SimulatedDisk

extension Simulation {
  private var leader: Int? {
    nodes.indices.filter { nodes[$0].replica?.core.role == .leader }
      .max { term($0) < term($1) }
  }

  private func term(_ node: Int) -> UInt64 { nodes[node].replica?.core.hard.term ?? 0 }

  mutating func strike(_ fault: Plan.Fault) {
    verdict.faults += 1
    mix(7)
    note("\(fault)")
    switch fault {
    case .crash(let node, let power, let time): crash(node, power, time)
    case .crashAll(let power, let time): for node in nodes.indices { crash(node, power, time) }
    case .crashLeader(let power, let time): if let leader { crash(leader, power, time) }
    case .tearAll(let time): for node in nodes.indices { crash(node, true, time) }
    case .damageTail(let node, let time): damageTail(node, time)
    case .pause(let node, let time): nodes[node].pausedUntil = now + time
    case .pauseLeader(let time): if let leader { nodes[leader].pausedUntil = now + time }
    case .cut(let left, let right, let bothWays): cut(left, right, bothWays)
    case .isolateLeader:
      if let leader { cut([leader], nodes.indices.filter { $0 != leader }, true) }
    case .heal: network.heal()
    case .loss(let count): network.lossOneIn = count
    case .doubling(let count): network.doubleOneIn = count
    case .lateness(let count): network.lateOneIn = count
    case .slowDisk(let node, let time): nodes[node].slowness = time
    case .diskError(let node, let calls):
      nodes[node].disk.faults.failingCall = nodes[node].disk.calls + calls
    case .fullDisk(let node, _): nodes[node].disk.faults.capacity = nodes[node].disk.used
    case .clock(let node, let skew): nodes[node].clockSkew = skew
    case .transfer(let node):
      guard let leader, let replica = nodes[leader].replica else { return }
      carryOut(leader, replica.handle(.transfer(to: id(node)), at: instant))
      endTurn(leader)
    }
    if case .fullDisk(let node, let time) = fault { roomAgain[node] = now + time }
    giveRoom()
  }

  private mutating func crash(_ node: Int, _ power: Bool, _ time: UInt64) {
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

  private mutating func damageTail(_ node: Int, _ time: UInt64) {
    guard let own = nodes[node].replica?.engine.tail else { return }
    // What it has acknowledged may be about to be counted.
    let needed = max(UInt64(oracle.committed.count), own.nextIndex - 1)
    let whole = nodes.indices.filter { other in
      guard other != node, let replica = nodes[other].replica else { return false }
      return !replica.core.isUncertain && replica.engine.tail.nextIndex > needed
    }
    guard whole.count > nodes.count / 2 else { return }
    stop(node, power: true)
    damaged[node] = nodes[node].disk.tearTail(&diskRandom)
    queue.add(.start(node: node), at: now + time)
  }

  /// Disks that were full have room again after a while.
  mutating func giveRoom() {
    for node in nodes.indices where roomAgain[node] <= now || isHealed {
      nodes[node].disk.faults.capacity = nil
      roomAgain[node] = .max
    }
  }

  /// No fault any more: what runs goes on, what is down comes back.
  mutating func healAll() {
    isHealed = true
    network.heal()
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
