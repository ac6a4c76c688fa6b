package import ClusterModel
package import CommitLog
package import RaftCore

/// A message between replicas, with the frames of the entries it is about.
package struct Packet: Sendable, Equatable {
  package var message: Message
  /// Of AppendEntries: as they are stored, one behind the other.
  package var frames: [UInt8]

  package init(_ message: Message, frames: [UInt8] = []) {
    self.message = message
    self.frames = frames
  }
}

/// What a replica's disk has to do, in this order. Each job is answered with what came of it.
package enum DiskJob {
  case save(HardState)
  case truncate(from: UInt64)
  /// `committed`: entries known to be committed by now.
  case write(FrameBatch, ticket: UInt64, committed: UInt64)
  case confirmTail
  /// Read the state before the first entry kept, to send it to a follower under this session.
  case readImage(for: NodeID, session: UInt64)
  /// Put an image in place of the log.
  case install(ReplicatedState)

  package var isWrite: Bool {
    if case .write = self { return true }
    return false
  }

  /// Of the term and the vote; may be done before what was given earlier.
  package var isSave: Bool {
    if case .save = self { return true }
    return false
  }
}

/// What came of a job.
package enum DiskResult {
  case saved
  case truncated
  case written(ticket: UInt64, FrameBatch)
  /// There is no room; the job is to be given again later, before any other.
  case full(FrameBatch, ticket: UInt64, committed: UInt64)
  case confirmed
  case image(ReplicatedState, for: NodeID, session: UInt64)
  /// There is none that can be read.
  case noImage(CommitLogError)
  case installed(ReplicatedState)
  /// There is no room for it; the log is as it was.
  case notInstalled
  case failed(CommitLogError)

  package var isWritten: Bool {
    if case .written = self { return true }
    return false
  }
}

/// What came of a list of jobs.
package struct DiskTurn {
  /// Of the jobs that were done, in their order; behind one that found no room, of those that need none.
  package var results: [DiskResult]
  /// The one that found no room and others behind it: to be given again before any other.
  package var left: [DiskJob]
  /// Why there was no room.
  package var noRoom: CommitLogError?
}

/// A request to append records, all or nothing.
package struct Proposal: Sendable {
  /// The caller's number for it.
  package var id: UInt64
  package var records: [Record]
  package var subject: String
  package var stamp: ProducerStamp?
  package var expectedOffset: UInt64?

  package init(
    id: UInt64, records: [Record], subject: String = "", stamp: ProducerStamp? = nil,
    expectedOffset: UInt64? = nil
  ) {
    self.id = id
    self.records = records
    self.subject = subject
    self.stamp = stamp
    self.expectedOffset = expectedOffset
  }
}

/// What became of a request (RAFT-RULES 23: done, certainly not done, or unknown).
package enum ProposalOutcome: Equatable, Sendable {
  /// Committed: on the disks of a majority.
  case appended(offset: UInt64, count: UInt64, term: UInt64, isDuplicate: Bool)
  /// A producer has its id.
  case producer(id: UInt64, epoch: UInt32)
  /// The membership is committed.
  case membershipChanged
  /// The control entry is committed.
  case done
  /// Not written, and never will be.
  case refused(ProposalRefusal)
  /// It was in this leader's log when leadership ended: it may be in the next one's or not.
  case unknown(term: UInt64, index: UInt64)
}

/// Why a request is certainly not in the log.
package enum ProposalRefusal: Error, Equatable, Sendable {
  case raft(RaftRefusal)
  case producer(ProducerRefusal)
  case offsetMismatch(next: UInt64)
  /// Too many of the producer's entries are uncommitted.
  case producerTooFast
  case diskFull
  case tooLarge(bytes: Int, limit: Int)
}

/// What whoever runs a replica must do, in this order.
package enum ReplicaEffect {
  case send(Packet, to: NodeID)
  case disk(DiskJob)
  case resolved(id: UInt64, ProposalOutcome)
  /// Entries up to this index are applied; records below this offset may be served.
  case committed(index: UInt64, end: UInt64)
  case readReady(id: UInt64, index: UInt64)
  case readFailed(id: UInt64)
  case roleChanged
  case membershipChanged(Membership)
  /// The entries from this index on are taken back: they were written nowhere.
  case withdrawn(from: UInt64)
  /// A follower needs entries that are not kept any more.
  case imageNeeded(NodeID)
  /// An image has taken the place of this node's log; records below `start` are not here.
  case imageInstalled(index: UInt64, start: UInt64)
  /// The log on this node's disk cannot be read.
  case damaged(CommitLogError)
  /// What another node said was dropped.
  case refused(MessageRefusal, from: NodeID)
}
