import ClusterModel
import CommitLog
import Protobuf
import RaftAPI
import RaftCore

/// What a replica finds in its log when it starts: everything that follows from the entries known to be committed, and the
/// entries behind them.
struct OpenedLog {
  var start: RaftCore.Start
  var applied: ReplicatedState
  var pending: [PendingEntry] = []

  init<D: Disk>(_ engine: LogEngine<D>, founders: [MemberEntry]) throws(CommitLogError) {
    let tail = engine.tail
    let (before, runs) = try engine.terms()
    var log = LogTerms(before: LogPosition(term: before.term, index: before.index))
    for (place, run) in runs.enumerated() {
      let end = place + 1 < runs.count ? runs[place + 1].firstIndex : tail.nextIndex
      log.append(count: end - run.firstIndex, term: run.term)
    }
    var applied = try OpenedLog.base(of: engine, founders: founders)
    let checkpoints = Checkpoints(folder: engine.folder, disk: engine.disk)
    // A repair may have cut committed entries off.
    let lastKept = try checkpoints.lastIndex()
    let hasLost = lastKept.map { $0 >= tail.nextIndex } ?? false
    if let kept = try checkpoints.latest(in: before.index...(tail.nextIndex - 1)) {
      applied = kept
    } else if hasLost, let later = try checkpoints.stateBefore(tail.nextIndex) {
      // What producers had appended is not known any more.
      applied = try OpenedLog.base(of: engine, founders: later.members)
    } else if let lastKept, before.index > 0 {
      throw .corrupt(
        file: engine.folder + "/" + Checkpoints<D>.name(lastKept), position: 0, offset: 0,
        what: "no checkpoint can be read, and the log begins behind entry \(before.index)")
    } else if before.index > 0 {
      try OpenedLog.keep(applied, in: checkpoints)
    }
    let start = applied.tail.nextIndex
    var memberships = [
      MembershipEntry(
        index: start - 1, membership: MembersEntry(applied.members).membership)
    ]
    let commit = max(tail.commitMark, start - 1)
    var pending: [PendingEntry] = []
    try OpenedLog.entries(from: start, through: tail.nextIndex - 1, of: engine) {
      (entry) throws(CommitLogError) in
      let index = entry.header.index
      if entry.header.kind == .configuration {
        memberships.append(
          MembershipEntry(index: index, membership: try OpenedLog.members(of: entry).membership))
      }
      if index <= commit { applied.apply(entry) } else { pending.append(entry) }
    }
    self.applied = applied
    self.pending = pending
    self.start = RaftCore.Start(
      hard: HardState(), log: log, memberships: memberships, commit: commit,
      floor: LogPosition(term: log.term(at: commit) ?? 0, index: commit),
      isUncertain: try engine.hasUncertainTail || hasLost)
  }

  /// What is before the first entry of a log that was begun before there were checkpoints: servers that join need it, as a
  /// later one would keep from them what is in the log.
  private static func keep<D: Disk>(
    _ base: ReplicatedState, in checkpoints: Checkpoints<D>
  ) throws(CommitLogError) {
    do throws(CommitLogError) {
      try checkpoints.write(base)
    } catch {
      // On a full disk: the next start does.
      guard error.isRetryable else { throw error }
    }
  }

  /// What there is before the first entry that is kept, where nothing says more.
  static func base<D: Disk>(
    of engine: LogEngine<D>, founders: [MemberEntry]
  ) throws(CommitLogError) -> ReplicatedState {
    let before = try engine.terms().before
    var first = LogTail()
    first.nextIndex = before.index + 1
    first.lastTerm = before.term
    first.nextOffset = engine.firstOffset
    var state = ReplicatedState(tail: first, members: founders)
    // A log of before there were entries that say so, or one from a backup, may begin in the middle of its first segment.
    let served = engine.offsets.lowerBound
    if served > first.nextOffset {
      state.start = LogStart(offset: served, index: before.index, cause: .request)
    }
    return state
  }

  /// Tells the headers, and of control entries the bodies too.
  static func entries<D: Disk>(
    from first: UInt64, through last: UInt64, of engine: LogEngine<D>,
    _ body: (PendingEntry) throws(CommitLogError) -> Void
  ) throws(CommitLogError) {
    try engine.headers(from: first, through: last) { (header) throws(CommitLogError) in
      var entry = PendingEntry(header: header)
      if header.kind != .data, header.bodyLength > 0 {
        let frames = try engine.frames(from: header.index, through: header.index, maxBytes: 0)
        if !frames.isEmpty { entry.body = frames.body(0) }
      }
      try body(entry)
    }
  }

  private static func members(of entry: PendingEntry) throws(CommitLogError) -> MembersEntry {
    do {
      return try MembersEntry(serialized: entry.body)
    } catch {
      throw .corrupt(
        file: "entry \(entry.header.index)", position: 0, offset: entry.header.baseOffset,
        what: "its membership cannot be read: \(error)")
    }
  }
}
