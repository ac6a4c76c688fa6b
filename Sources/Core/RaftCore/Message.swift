/// What one node tells another. Who sent it is known from the connection.
package enum Message: Equatable, Sendable {
  /// Would you vote for me? Changes nothing (thesis section 9.6).
  case preVote(VoteRequest)
  case preVoteAnswer(VoteAnswer)
  case vote(VoteRequest)
  case voteAnswer(VoteAnswer)
  case append(AppendRequest)
  case appendAnswer(AppendAnswer)
  case heartbeat(Heartbeat)
  case heartbeatAnswer(HeartbeatAnswer)
  /// A part of an image of the log's front.
  case image(ImagePart)
  case imageAnswer(ImageAnswer)
  /// Stand for election at once (leadership transfer, thesis section 3.10).
  case timeoutNow(term: UInt64)
  /// From which index on is a read of now true? (Thesis section 6.4.)
  case readIndex(ReadQuestion)
  case readIndexAnswer(ReadAnswer)

  /// The sender's term. Of a pre-vote, the sender's own term, not the one it would stand in.
  package var term: UInt64 {
    switch self {
    case .preVote(let request): request.term - 1
    case .vote(let request): request.term
    case .preVoteAnswer(let answer), .voteAnswer(let answer): answer.term
    case .append(let request): request.term
    case .appendAnswer(let answer): answer.term
    case .heartbeat(let heartbeat): heartbeat.term
    case .heartbeatAnswer(let answer): answer.term
    case .image(let part): part.term
    case .imageAnswer(let answer): answer.term
    case .timeoutNow(let term): term
    case .readIndex(let question): question.term
    case .readIndexAnswer(let answer): answer.term
    }
  }
}

package struct VoteRequest: Equatable, Sendable {
  /// The term to be elected in.
  package var term: UInt64
  /// The end of the candidate's log.
  package var last: LogPosition
  /// The leader asked for it: followers that hear from that leader vote all the same.
  package var isTransfer = false
  /// Every voter has told the candidate where its log ends, and none is ahead of it: enough for those that cannot vouch
  /// for their own log's end (RAFT-RULES 32).
  package var isSurveyed = false
  /// The life of the one asked in which it told that, as it called it; 0 = it has told nothing.
  package var incarnation: UInt64

  package init(
    term: UInt64, last: LogPosition, isTransfer: Bool = false, isSurveyed: Bool = false,
    incarnation: UInt64 = 0
  ) {
    self.term = term
    self.last = last
    self.isTransfer = isTransfer
    self.isSurveyed = isSurveyed
    self.incarnation = incarnation
  }
}

package struct VoteAnswer: Equatable, Sendable {
  /// The answerer's term, after the question (RAFT-RULES 4).
  package var term: UInt64
  /// The term that was asked about.
  package var electionTerm: UInt64
  package var isGranted: Bool
  /// The end of the answerer's log; nil when it cannot tell because its log is damaged.
  package var last: LogPosition?
  /// A number of the answerer's own for its life since it was started.
  package var incarnation: UInt64

  package init(
    term: UInt64, electionTerm: UInt64, isGranted: Bool, last: LogPosition?,
    incarnation: UInt64 = 0
  ) {
    self.term = term
    self.electionTerm = electionTerm
    self.isGranted = isGranted
    self.last = last
    self.incarnation = incarnation
  }
}

/// Entries `previous.index` + 1 and on. What is in them travels beside it.
package struct AppendRequest: Equatable, Sendable {
  package var term: UInt64
  /// Counts the leader's attempts to bring this follower up to date; answers to an earlier one mean nothing any more.
  package var session: UInt64
  package var previous: LogPosition
  package var runs: [TermRun] = []
  /// Of the entries that are memberships.
  package var memberships: [MembershipEntry] = []
  /// The leader's commit index.
  package var commit: UInt64

  package init(
    term: UInt64, session: UInt64, previous: LogPosition, runs: [TermRun] = [],
    memberships: [MembershipEntry] = [], commit: UInt64
  ) {
    self.term = term
    self.session = session
    self.previous = previous
    self.runs = runs
    self.memberships = memberships
    self.commit = commit
  }

  package var count: UInt64 { runs.reduce(0) { $0 + $1.count } }
  package var lastIndex: UInt64 { previous.index + count }
}

package struct AppendAnswer: Equatable, Sendable {
  package var term: UInt64
  package var session: UInt64
  package var outcome: Outcome

  package enum Outcome: Equatable, Sendable {
    /// The follower's log is the leader's up to here, and on its disk.
    case matches(UInt64)
    /// The follower does not have `previous`. Its log may agree up to `hint`, no further.
    case conflict(previous: UInt64, hint: LogPosition)
  }

  package init(term: UInt64, session: UInt64, outcome: Outcome) {
    self.term = term
    self.session = session
    self.outcome = outcome
  }
}

/// Bytes of an image: what follows from the entries up to `position`, which are not sent any more. They travel beside it.
package struct ImagePart: Equatable, Sendable {
  package var term: UInt64
  /// As of AppendEntries.
  package var session: UInt64
  /// The entry that the image ends with; it is committed.
  package var position: LogPosition
  /// Of the part's first byte in the image.
  package var start: UInt64
  package var isLast: Bool

  package init(
    term: UInt64, session: UInt64, position: LogPosition, start: UInt64, isLast: Bool
  ) {
    self.term = term
    self.session = session
    self.position = position
    self.start = start
    self.isLast = isLast
  }
}

/// How many bytes of an image have arrived.
package struct ImageAnswer: Equatable, Sendable {
  package var term: UInt64
  package var session: UInt64
  package var received: UInt64

  package init(term: UInt64, session: UInt64, received: UInt64) {
    self.term = term
    self.session = session
    self.received = received
  }
}

package struct Heartbeat: Equatable, Sendable {
  package var term: UInt64
  /// The leader's commit index, as far as the follower is known to have the entries.
  package var commit: UInt64
  /// Counts the leader's rounds of heartbeats.
  package var round: UInt64

  package init(term: UInt64, commit: UInt64, round: UInt64) {
    self.term = term
    self.commit = commit
    self.round = round
  }
}

package struct HeartbeatAnswer: Equatable, Sendable {
  package var term: UInt64
  package var round: UInt64

  package init(term: UInt64, round: UInt64) {
    self.term = term
    self.round = round
  }
}

package struct ReadQuestion: Equatable, Sendable {
  package var term: UInt64
  /// The asker's number for it.
  package var id: UInt64

  package init(term: UInt64, id: UInt64) {
    self.term = term
    self.id = id
  }
}

package struct ReadAnswer: Equatable, Sendable {
  package var term: UInt64
  package var id: UInt64
  /// nil: not the leader, or not any more.
  package var index: UInt64?

  package init(term: UInt64, id: UInt64, index: UInt64?) {
    self.term = term
    self.id = id
    self.index = index
  }
}
