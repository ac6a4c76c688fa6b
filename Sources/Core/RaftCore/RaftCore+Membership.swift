package import ClusterModel

extension RaftCore {
  /// Whether `next` may be proposed now (rules 10 and 19).
  package func check(change next: Membership) throws(RaftRefusal) {
    guard role == .leader else { throw .notLeader(leader) }
    guard transfer == nil else { throw .transferring }
    guard membershipIndex <= commit || mutant == .twoChangesAtOnce else {
      throw .changeInProgress
    }
    guard hasCommittedInTerm || mutant == .changeBeforeNoOperation else { throw .notReady }
    guard membership.isOneStep(to: next) || mutant == .twoChangesAtOnce else {
      throw .notOneStep
    }
  }

  /// Starts sending to new members.
  mutating func welcome() {
    for node in membership.all where node != id && place(of: node) == nil {
      progress.append(
        Progress(node, next: log.lastIndex + 1, session: nextSession(), at: now))
    }
  }

  /// What the leader knows of its followers.
  package var followers: [FollowerStatus] {
    progress.map { follower in
      let state =
        switch follower.state {
        case .probing: "probe"
        case .replicating: "replicate"
        case .receivingImage: "snapshot"
        }
      return FollowerStatus(
        node: follower.node, match: follower.match, state: state, lastHeard: follower.lastHeard)
    }
  }
}

/// A follower as the leader sees it.
package struct FollowerStatus: Equatable, Sendable {
  package let node: NodeID
  /// The index of the last entry known to be on its disk.
  package let match: UInt64
  /// probe, replicate or snapshot.
  package let state: String
  package let lastHeard: Instant
}
