package import ClusterModel

/// What a node must do, in this order.
package enum Action: Equatable, Sendable {
  case send(Message, to: NodeID)
  /// Make this durable, then report `hardStateSaved`.
  case saveHardState(HardState)
  /// Remove the entries from this index on; before any write that follows.
  case truncate(from: UInt64)
  /// Write the entries of the AppendEntries at hand from `first` on, then report `written`.
  case write(first: UInt64, last: UInt64, ticket: UInt64)
  /// Write an entry without content at `index` (RAFT-RULES 10), then report `written`. It is in the log already.
  case writeNoOperation(index: UInt64, term: UInt64, ticket: UInt64)
  /// There is something to send to this follower, and room: ask for `appendPlan`.
  case replicate(to: NodeID)
  /// Send this follower the parts of an image, under this session, from byte `start` on; one until it is answered.
  case sendImage(to: NodeID, session: UInt64, start: UInt64)
  /// Keep the part of an image at hand, behind those before it; report `imagePartKept`, and behind the last one
  /// `installing` and then `imageInstalled` or `imageFailed`.
  case takeImagePart(ImagePart)
  /// The entries up to here are committed and on this node's disk.
  case commit(UInt64)
  /// The role, the term or the known leader changed.
  case roleChanged
  case membershipChanged(Membership)
  /// The read may be answered from all entries up to `index`.
  case readReady(id: UInt64, index: UInt64)
  /// There is no leader to ask, or not any more.
  case readFailed(id: UInt64)
  /// What was lost at the end of this node's log, if anything, is known to be of no concern, or is back.
  case logConfirmed
  /// What this node said was dropped.
  case refused(MessageRefusal, from: NodeID)
}

/// What may be sent to a follower now.
package struct AppendPlan: Equatable, Sendable {
  package let to: NodeID
  package let session: UInt64
  /// The entry before those to send.
  package let previous: LogPosition
  /// The last entry there is; below `previous.index` + 1 there is none, and the message goes empty.
  package let last: UInt64
  package var first: UInt64 { previous.index + 1 }
}

/// What a node is.
package enum Role: String, Sendable {
  case follower
  /// Asks whether it would be elected.
  case preCandidate
  case candidate
  case leader
}

/// Why a node does not do what it was asked for.
package enum RaftRefusal: Error, Equatable, Sendable {
  case notLeader(NodeID?)
  /// Another change of the membership is not committed yet.
  case changeInProgress
  /// The leader has not committed an entry of its term yet.
  case notReady
  /// More than one voter would come or go.
  case notOneStep
  /// Leadership is being handed over.
  case transferring
}
