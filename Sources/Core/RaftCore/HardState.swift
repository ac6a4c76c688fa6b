package import ClusterModel

/// What a node must never forget: durable, as one piece, before any message that rests on it is sent
/// (RAFT-RULES 1, thesis section 3.8).
package struct HardState: Hashable, Sendable {
  package var term: UInt64
  package var vote: NodeID?

  package init(term: UInt64 = 0, vote: NodeID? = nil) {
    self.term = term
    self.vote = vote
  }
}
