import ClusterModel
import RaftAPI
import RaftCore
import RaftNode

extension Simulation {
  /// How many nodes there are, those that are in no group yet among them.
  var total: Int { options.nodes + plan.conditions.spares }

  static func founders(_ nodes: Int) -> [MemberEntry] {
    (0..<nodes).map { node in
      MemberEntry(SimulatedNode(node).id, name: "n\(node + 1)", address: "", isLearner: false)
    }
  }

  func founders() -> [MemberEntry] { Simulation.founders(options.nodes) }

  func isFounder(_ node: Int) -> Bool { node < options.nodes && nodes[node].generation == 0 }

  private func member(_ node: Int, isLearner: Bool) -> MemberEntry {
    MemberEntry(id(node), name: "n\(node + 1)", address: "", isLearner: isLearner)
  }

  /// Whoever is in no group gets an empty disk, and with it another name.
  mutating func wipe(_ node: Int, _ time: UInt64) {
    let isMember = nodes.contains { $0.replica?.core.membership.contains(id(node)) == true }
    let state = oracle.state(at: oracle.lastCommitted)
    guard !isMember, !state.members.contains(where: { $0.id == id(node) }) else { return }
    if nodes[node].isUp { stop(node, power: false) }
    nodes[node].wipe()
    damaged[node] = false
    roomAgain[node] = .max
    verdict.wipes += 1
    queue.add(.start(node: node), at: now + time)
  }

  /// Asks the leader for a change of the membership; what it must refuse, it refuses.
  mutating func ask(for change: Change) {
    if let leader { ask(for: change, of: leader) }
  }

  mutating func ask(for change: Change, of node: Int) {
    guard let replica = nodes[node].replica else { return }
    guard let members = members(replica.latest.members, after: change) else { return }
    let operation = workload.newOperation(.change)
    carryOut(node, replica.changeMembers(id: operation, to: members, at: instant))
    endTurn(node)
  }

  /// Voters and learners, as the node knows them, in order.
  func members(of node: Int) -> [Int] {
    nodes[node].replica?.core.membership.all.map(number).sorted() ?? []
  }

  /// nil where it changes nothing, or cannot be meant.
  private func members(_ old: [MemberEntry], after change: Change) -> [MemberEntry]? {
    var members = old
    switch change {
    case .addLearner(let target):
      guard let node = resolve(target), place(of: node, in: old) == nil else { return nil }
      members.append(member(node, isLearner: true))
    case .addVoter(let target):
      guard let node = resolve(target), place(of: node, in: old) == nil else { return nil }
      members.append(member(node, isLearner: false))
    case .promote(let target):
      guard let node = resolve(target), let place = place(of: node, in: old),
        old[place].isLearner
      else { return nil }
      members[place] = member(node, isLearner: false)
    case .remove(let target):
      guard let node = resolve(target), let place = place(of: node, in: old) else { return nil }
      members.remove(at: place)
    case .addTwoVoters(let one, let other):
      for node in [one, other].compactMap(resolve) {
        if let place = place(of: node, in: members) { members.remove(at: place) }
        members.append(member(node, isLearner: false))
      }
    case .toward(let count): step(&members, toward: count)
    }
    return members == old ? nil : members
  }

  /// Makes one more node a voter, or removes one.
  private func step(_ members: inout [MemberEntry], toward count: Int) {
    let voters = members.count { !$0.isLearner }
    if voters > count {
      if let node = resolve(.follower(0)) { members.removeAll { $0.id == id(node) } }
    } else if voters < count {
      if let place = members.firstIndex(where: \.isLearner) {
        members[place].isLearner = false
      } else if let node = resolve(.outsider(0)) {
        members.append(member(node, isLearner: false))
      }
    }
  }

  private func place(of node: Int, in members: [MemberEntry]) -> Int? {
    members.firstIndex { $0.id == id(node) }
  }
}
