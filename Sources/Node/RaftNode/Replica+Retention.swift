package import CommitLog
package import RaftAPI
import RaftCore

/// What a look at what is kept of the log starts from: how things stood when it was handed to the disk's thread.
package struct RetentionLook: Sendable {
  /// Where the log begins, by the entries applied.
  package var start: LogStart
  package var applied: UInt64
  package var retention: Retention
  /// The node leads and can take entries.
  package var mayPropose: Bool
  /// The disk takes no entries for want of room.
  package var isDiskFull: Bool

  package init(
    start: LogStart, applied: UInt64, retention: Retention, mayPropose: Bool, isDiskFull: Bool
  ) {
    self.start = start
    self.applied = applied
    self.retention = retention
    self.mayPropose = mayPropose
    self.isDiskFull = isDiskFull
  }
}

/// What came of a look.
package enum RetentionFinding: Sendable {
  case nothing
  /// The oldest segment is gone, and with it the entries up to `last`: the core is to be told (`compacted`).
  case removed(RetentionStep, through: UInt64)
  /// The leader is to propose that the log begin there.
  case moveStart(LogStart)
}

/// What is kept of the log. The leader decides where it begins, as an entry; every node removes its segments before that.
extension Replica {
  /// What is to be kept: as was set for the log, else as this node is configured.
  package func retention(_ settings: LogSettings) -> Retention {
    var retention = engine.options.retention
    if settings.retentionBytes != 0 { retention.bytes = UInt64(max(0, settings.retentionBytes)) }
    if settings.retentionMs != 0 {
      retention.age = UInt64(max(0, settings.retentionMs)) * 1_000_000
    }
    return retention
  }

  /// Removes the oldest segment if the log begins behind it, once what follows from its entries is kept; the leader looks
  /// whether the log should begin further on. On the disk's thread.
  ///
  /// - Parameter checkpointed: the entry up to which states are kept, as of the last look.
  package func lookAtRetention(
    _ look: RetentionLook, checkpointed: inout UInt64
  ) throws(CommitLogError) -> RetentionFinding {
    // Before, for when there is room again, and behind the removal, before anybody else takes what it gave back.
    keepReserve()
    defer { keepReserve() }
    try keepClosedSegments(look, &checkpointed)
    try engine.rollIfOld(look.retention.age)
    if let step = try removeSegment(look) {
      try removeOldCheckpoints()
      return .removed(step, through: engine.firstIndex - 1)
    }
    guard look.mayPropose, !look.isDiskFull,
      let target = try engine.retentionTarget(look.retention), target.index <= look.applied
    else { return .nothing }
    let cause: LogStart.Cause = target.cause == .bytes ? .bytes : .age
    return .moveStart(LogStart(offset: target.offset, index: target.index, cause: cause))
  }

  /// The start of a log whose first record is `offset`, for `moveStart`. Any thread.
  package func logStart(at offset: UInt64, applied: UInt64) -> LogStart {
    let index: UInt64
    do throws(CommitLogError) {
      index = min(try engine.lastIndex(before: offset), applied)
    } catch {
      // Trimmed meanwhile, or not readable here: the offset alone is what counts.
      index = 0
    }
    return LogStart(offset: offset, index: index, cause: .request)
  }

  private func keepClosedSegments(
    _ look: RetentionLook, _ checkpointed: inout UInt64
  ) throws(CommitLogError) {
    guard engine.lastClosedIndex > checkpointed, disk.mutant != .segmentsRemovedWithoutState
    else { return }
    do throws(CommitLogError) {
      checkpointed = try checkpointClosedSegments(from: checkpointed, applied: look.applied)
    } catch {
      // On a full disk a start has to read more.
      guard error.isRetryable else { throw error }
    }
  }

  private func removeSegment(_ look: RetentionLook) throws(CommitLogError) -> RetentionStep? {
    func prepare(_ last: UInt64) throws(CommitLogError) -> Bool {
      try keepState(through: last, applied: look.applied)
    }
    // The meta file says where the log begins, and up to where its entries are committed. Without that mark the next start
    // would find a log that begins further on than its committed entries say.
    engine.noteCommitted(look.applied)
    let start = look.start
    let step = try engine.advanceStart(
      to: start.offset, through: start.index, cause: start.retentionCause, prepare)
    if let step { return step }
    // A full disk has no room for an entry that says so: the other nodes hear of it when there is some again.
    guard look.isDiskFull else { return nil }
    return try engine.applyRetention(by: look.retention, prepare)
  }
}

extension LogStart {
  var retentionCause: RetentionStep.Cause {
    switch Cause(rawValue: cause) {
    case .bytes: .bytes
    case .age: .age
    default: .request
    }
  }
}
