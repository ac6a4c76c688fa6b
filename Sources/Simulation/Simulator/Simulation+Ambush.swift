import ClusterModel
import RaftCore

/// An ambush that waits for some node.
struct Ambush {
  var trigger: Trigger
  var blow: Blow
}

extension Simulation {
  /// More than these are forgotten, oldest first.
  private static let mostAmbushes = 6

  mutating func arm(_ trigger: Trigger, _ blow: Blow) {
    ambushes.append(Ambush(trigger: trigger, blow: blow))
    if ambushes.count > Simulation.mostAmbushes { ambushes.removeFirst() }
  }

  /// The node has come to `trigger`; what it was about to do next may never be done.
  mutating func spring(_ trigger: Trigger, _ node: Int) {
    guard let place = ambushes.firstIndex(where: { $0.trigger == trigger }) else { return }
    let blow = ambushes.remove(at: place).blow
    verdict.faults += 1
    mix(8)
    note("n\(node + 1) has \(trigger): \(blow)")
    switch blow {
    case .crash(let power, let time): crash(node, power, time)
    case .isolate: isolate(node)
    case .change(let change):
      sever(node)
      // What it is doing comes first.
      queue.add(.asked(node: node, life: nodes[node].life, change), at: now)
    case .isolateThenCrash(let delay, let time):
      isolate(node)
      queue.add(.crash(node: node, life: nodes[node].life, downFor: time), at: now + delay)
    }
  }

  mutating func finishAmbush(_ node: Int, _ life: Int, _ time: UInt64) {
    guard nodes[node].life == life, !isHealed else { return }
    crash(node, false, time)
  }
}
