package import ClusterModel

/// Who takes part in a group: voters, whose majority decides, and learners, which only receive.
package struct Membership: Hashable, Sendable, CustomStringConvertible {
  /// Sorted, each once.
  package private(set) var voters: [NodeID]
  /// Sorted, each once, none of them a voter.
  package private(set) var learners: [NodeID]

  package init(voters: [NodeID] = [], learners: [NodeID] = []) {
    self.voters = Set(voters).sorted()
    self.learners = Set(learners).subtracting(voters).sorted()
  }

  /// Nodes whose agreement decides.
  package var quorum: Int { voters.count / 2 + 1 }

  package var all: [NodeID] { voters + learners }

  package func isVoter(_ node: NodeID) -> Bool { voters.contains(node) }
  package func contains(_ node: NodeID) -> Bool {
    voters.contains(node) || learners.contains(node)
  }

  /// Whether one step leads to `next`: at most one voter comes or goes, so that majorities of both
  /// overlap (Ongaro, thesis section 4.1).
  package func isOneStep(to next: Membership) -> Bool {
    Set(voters).symmetricDifference(next.voters).count <= 1 && !next.voters.isEmpty
  }

  package var description: String {
    let learning = learners.isEmpty ? "" : " learning \(MembershipText.list(learners))"
    return MembershipText.list(voters) + learning
  }
}

private enum MembershipText {
  static func list(_ nodes: [NodeID]) -> String {
    "{" + nodes.map(\.description).joined(separator: " ") + "}"
  }
}

/// A membership and the index of the entry that brought it.
package struct MembershipEntry: Hashable, Sendable {
  package var index: UInt64
  package var membership: Membership

  package init(index: UInt64, membership: Membership) {
    self.index = index
    self.membership = membership
  }
}

/// The memberships that are in the log: the last one is in force from the moment it is appended, and
/// truncation takes it back (thesis section 4.1).
struct MembershipHistory: Sendable {
  /// Ascending; never empty: the first is in force before any entry that could be taken back.
  private(set) var entries: [MembershipEntry]

  init(_ base: MembershipEntry) { entries = [base] }

  var current: MembershipEntry { entries[entries.count - 1] }

  mutating func append(_ entry: MembershipEntry) {
    require(entry.index >= current.index, "membership \(entry.index) behind \(current.index)")
    entries.append(entry)
  }

  /// Forgets those from `index` on. Whether that changed the one in force.
  mutating func truncate(from index: UInt64) -> Bool {
    let count = entries.count
    while entries.count > 1, current.index >= index { entries.removeLast() }
    return entries.count != count
  }

  /// Forgets those that can no longer come back.
  mutating func committed(_ index: UInt64) {
    while entries.count > 1, entries[1].index <= index { entries.removeFirst() }
  }
}
