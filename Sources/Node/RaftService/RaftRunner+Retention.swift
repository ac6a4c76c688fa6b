package import CommitLog
import ClusterModel
import NIOCore
import RaftAPI
import RaftCore
import RaftNode

/// What is kept of the log. The leader decides where it begins, as an entry; every server removes its segments before that.
extension RaftRunner {
  /// What is to be kept: as was set for the log, else as this server is configured.
  package var retention: Retention {
    let settings = status.settings
    var retention = replica.engine.options.retention
    if settings.retentionBytes != 0 { retention.bytes = UInt64(max(0, settings.retentionBytes)) }
    if settings.retentionMs != 0 {
      retention.age = UInt64(max(0, settings.retentionMs)) * 1_000_000
    }
    return retention
  }

  /// Removes the oldest segment if the log begins behind it, once what follows from its entries is kept; the leader looks
  /// whether the log should begin further on. On the disk's thread.
  package func applyRetentionStep() throws(CommitLogError) -> RetentionStep? {
    let status = status
    lookAtRoom(status.room)
    // Before, for when there is room again, and behind the removal, before anybody else takes what it gave back.
    replica.keepReserve()
    defer { replica.keepReserve() }
    try keepClosedSegments(status)
    let retention = retention
    try replica.engine.rollIfOld(retention.age)
    guard let step = try removeSegment(status, retention) else {
      if status.isReady, status.noRoom == nil { try moveStart(status, retention) }
      return nil
    }
    try replica.removeOldCheckpoints()
    let first = replica.engine.firstIndex
    eventLoop.execute { [self] in
      self.step { replica.handle(.compacted(through: first - 1), at: $0) }
    }
    return step
  }

  /// Removes what lies before the log's start now; why that failed.
  package func applyLogStart() async -> CommitLogError? {
    let failure = await onDisk { [self] _ in
      do throws(CommitLogError) {
        while try applyRetentionStep() != nil {}
        return CommitLogError?.none
      } catch {
        return error
      }
    }
    return failure ?? .closed
  }

  /// Records are refused while less than a reserve is free. On the disk's thread.
  private func lookAtRoom(_ before: DiskRoom.Level) {
    let level = settings.room.level(DiskSpace(replica.engine.folder), before: before)
    guard level != before else { return }
    eventLoop.execute { [self] in
      roomLevel = level
      publish()
    }
  }

  private func keepClosedSegments(_ status: RaftStatus) throws(CommitLogError) {
    guard replica.engine.lastClosedIndex > checkpointed else { return }
    do throws(CommitLogError) {
      checkpointed = try replica.checkpointClosedSegments(
        from: checkpointed, applied: status.appliedIndex)
    } catch {
      // On a full disk a start has to read more.
      guard error.isRetryable else { throw error }
    }
  }

  private func removeSegment(
    _ status: RaftStatus, _ retention: Retention
  ) throws(CommitLogError) -> RetentionStep? {
    func prepare(_ last: UInt64) throws(CommitLogError) -> Bool {
      try replica.keepState(through: last, applied: status.appliedIndex)
    }
    let start = status.start
    let step = try replica.engine.advanceStart(
      to: start.offset, through: start.index, cause: start.retentionCause, prepare)
    if let step { return step }
    // A full disk has no room for an entry that says so: the other servers hear of it when there is some again.
    guard status.noRoom != nil else { return nil }
    return try replica.engine.applyRetention(by: retention, prepare)
  }

  /// Proposes another start of the log, if retention says so.
  private func moveStart(_ status: RaftStatus, _ retention: Retention) throws(CommitLogError) {
    guard let target = try replica.engine.retentionTarget(retention),
      target.index <= status.appliedIndex
    else { return }
    let cause: LogStart.Cause = target.cause == .bytes ? .bytes : .age
    let start = LogStart(offset: target.offset, index: target.index, cause: cause)
    eventLoop.execute { [self] in
      guard start.isBeyond(replica.latest.start) else { return }
      lastRequest += 1
      step { replica.moveStart(id: lastRequest, to: start, at: $0) }
    }
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
