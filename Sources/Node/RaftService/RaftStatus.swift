package import ClusterModel
package import CommitLog
package import RaftAPI
package import RaftCore

/// How a server's part in its group stands, at one moment.
package struct RaftStatus: Sendable, Equatable {
  package var role = Role.follower
  package var term: UInt64 = 0
  /// nil: none known.
  package var leader: NodeID?
  package var members: [MemberEntry] = []
  /// Where the log begins.
  package var start = LogStart()
  package var settings = LogSettings()
  /// Entries up to here are in the log, if not yet on disk.
  package var lastIndex: UInt64 = 0
  package var commitIndex: UInt64 = 0
  /// Entries up to here are committed and on this server's disk.
  package var appliedIndex: UInt64 = 0
  /// Records below this offset may be served.
  package var committedEnd: UInt64 = 0
  /// What the log finds no room for or on; nil: it takes entries.
  package var noRoom: CommitLogError?
  /// Of the disk's free space.
  package var room = DiskRoom.Level.enough
  /// The write that failed: this server takes no part until it is started again.
  package var diskFailure: CommitLogError?
  /// An entry of the leader's term is committed: what this server says as a leader holds.
  package var isReady = false
  /// The entry that brought the members.
  package var membershipIndex: UInt64 = 0
  /// Servers to which there is a connection.
  package var reachable: Set<NodeID> = []
  /// What an operator should look at.
  package var alarms: [ServerAlarm] = []

  package init() {}

  /// The name and address of the leader, if it is known.
  package var leaderEntry: MemberEntry? { members.first { $0.id == leader } }
}

/// What a server's operator may want to know.
package enum RaftNotice: Sendable {
  /// Role, term, leader or members are others now.
  case changed(RaftStatus)
  /// A stream to another server ended.
  case linkLost(NodeID, reason: String)
  /// Messages of another server are dropped.
  case refused(NodeID, MessageRefusal)
  /// This server's log cannot be read.
  case damaged(CommitLogError)
  /// What was damaged in a file is as it was, or cannot be.
  case mended(String, MendingOutcome)
  /// A write failed: this server takes no part until it is started again.
  case diskFailed(CommitLogError)
  /// The disk has answered nothing for long, or answers again.
  case diskStalled(Bool)
  /// The log is to begin further on.
  case logStartMoved
  /// A follower needs entries that are not kept any more.
  case needsImage(NodeID)
  /// This server lacked entries that nobody keeps any more; its log begins anew behind entry `index`, with offset `start`.
  case imageInstalled(index: UInt64, start: UInt64)
}
