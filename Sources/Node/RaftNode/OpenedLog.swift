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
    var first = LogTail()
    first.nextIndex = before.index + 1
    first.lastTerm = before.term
    first.nextOffset = engine.offsets.lowerBound
    var applied = ReplicatedState(tail: first, members: founders)
    var memberships = [
      MembershipEntry(index: before.index, membership: MembersEntry(founders).membership)
    ]
    let commit = max(tail.commitMark, before.index)
    for index in before.index + 1..<max(tail.nextIndex, before.index + 1) {
      let entry = try OpenedLog.entry(at: index, of: engine)
      if entry.header.kind == .configuration {
        memberships.append(
          MembershipEntry(index: index, membership: try OpenedLog.members(of: entry).membership))
      }
      if index <= commit { applied.apply(entry) } else { pending.append(entry) }
    }
    self.applied = applied
    start = RaftCore.Start(
      hard: HardState(), log: log, memberships: memberships, commit: commit,
      floor: LogPosition(term: log.term(at: commit) ?? 0, index: commit),
      isUncertain: try engine.hasUncertainTail)
  }

  /// The header, and of a control entry the body too.
  private static func entry<D: Disk>(
    at index: UInt64, of engine: LogEngine<D>
  ) throws(CommitLogError) -> PendingEntry {
    let header = try engine.header(at: index)
    guard header.kind != .data, header.bodyLength > 0 else { return PendingEntry(header: header) }
    let frames = try engine.frames(from: index, through: index, maxBytes: 0)
    return PendingEntry(header: header, body: frames.isEmpty ? [] : frames.body(0))
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
