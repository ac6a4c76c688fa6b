package import ClusterModel

/// What happens to a node.
package enum Event: Sendable {
  /// Time has passed; at `RaftCore.deadline` at the latest.
  case tick
  case received(Message, from: NodeID)
  /// The hard state of the last `saveHardState` is durable.
  case hardStateSaved
  /// This node's own entries up to the write with this number are on its disk.
  case written(ticket: UInt64)
  /// Entries that this node, the leader, has just built: `count` of them behind the log's end, of which these are
  /// memberships.
  case proposed(count: UInt64, memberships: [MembershipEntry])
  /// AppendEntries for `plan` are on their way, with the entries up to `through`.
  case sent(AppendPlan, through: UInt64, bytes: Int)
  /// The connection to a follower was lost, or is new: what was on its way may never arrive.
  case disconnected(NodeID)
  /// Of the image that comes in this session, these bytes are kept.
  case imagePartKept(session: UInt64, received: UInt64)
  /// A whole image is on its way to this node's disk.
  case installing
  /// It did not get there; the log is as it was.
  case imageFailed
  /// This node has an image of the log up to `position` on its disk, in place of its log.
  case imageInstalled(LogPosition, MembershipEntry)
  /// The entries up to this index are removed from the front of this node's log.
  case compacted(through: UInt64)
  /// A read begins, and must see all that was acknowledged before.
  case read(id: UInt64)
  /// Let this voter lead.
  case transfer(to: NodeID)
  /// The writes of the entries from this index on found no room and are given up; only where `canWithdraw`.
  case withdrawn(from: UInt64)
  /// The disk failed: this node takes no further part until it is started again.
  case diskFailed
  /// The disk has answered nothing for too long, or answers again.
  case diskStalled(Bool)
  /// The events of one turn are over: what was put off to be sent once is sent.
  case turnEnded
}
