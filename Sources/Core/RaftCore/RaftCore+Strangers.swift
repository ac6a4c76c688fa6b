package import ClusterModel

/// Why what a node said is dropped.
package enum MessageRefusal: Hashable, Sendable {
  /// It is in no membership that this node knows.
  case stranger
  /// Its term is ahead of this node's by more than elections could bring about.
  case termTooFarAhead
  /// It says that it leads the term in which this node leads.
  case secondLeader
}

/// Who is heeded. To have a certificate is not to be a member: who is none may ask for votes, for a server that was
/// removed, or is to be added, can be the one that the others need (thesis section 4.2.2); what else it says must
/// neither move a term nor reach the log.
extension RaftCore {
  /// More elections than there ever are; so that one message does not use up the terms.
  static let mostTermsAhead: UInt64 = 1 << 32

  /// Why `message` is dropped, as far as that depends on who sent it and in which term; nil: it is heeded.
  func refusal(of message: Message, from node: NodeID) -> MessageRefusal? {
    let term = message.term
    if term > hard.term, term - hard.term > Self.mostTermsAhead { return .termTooFarAhead }
    switch message {
    case .preVote, .vote: return nil
    case .append, .image, .heartbeat:
      return isStranger(node) && !followsStrangers(node) ? .stranger : nil
    case .preVoteAnswer, .voteAnswer, .appendAnswer, .imageAnswer, .heartbeatAnswer, .timeoutNow,
      .readIndex, .readIndexAnswer:
      return isStranger(node) ? .stranger : nil
    }
  }

  /// Whether this node is a member and `node` is none, also of memberships that may be taken back.
  package func isStranger(_ node: NodeID) -> Bool {
    // Who is in the membership in force, as nearly everybody is, is none.
    if membership.contains(node) { return false }
    let known = memberships.entries
    return known.contains { $0.membership.contains(id) }
      && !known.contains { $0.membership.contains(node) }
  }

  /// A node that was away while others were added may know none of those that lead its group by now, and learns of them
  /// only from what they send. Nobody takes office against a leader in this way, nor in an election: a group that has a
  /// leader, or gets one, is heard of long before.
  private func followsStrangers(_ node: NodeID) -> Bool {
    if role == .leader { return false }
    return leader == node
      || now.since(heardFromLeader) > Self.patience * settings.electionTimeout.upperBound
  }

  /// Of a node that hears from no leader that it knows; in election timeouts.
  private static let patience: UInt64 = 10
}
