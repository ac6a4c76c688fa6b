package import CommitLog
import ClusterModel
import NIOCore
import RaftAPI
import RaftCore
import RaftNode

/// What is kept of the log: looks are for the disk's thread (`Replica.lookAtRetention`), what follows from them for the event
/// loop.
extension RaftRunner {
  /// What is to be kept: as was set for the log, else as this server is configured.
  package var retention: Retention { replica.retention(status.settings) }

  /// Removes the oldest segment if the log begins behind it; the leader looks whether the log should begin further on. On
  /// the disk's thread.
  package func applyRetentionStep() throws(CommitLogError) -> RetentionStep? {
    let status = status
    lookAtRoom(status.room)
    let look = RetentionLook(
      start: status.start, applied: status.appliedIndex,
      retention: replica.retention(status.settings), mayPropose: status.isReady,
      isDiskFull: status.noRoom != nil)
    switch try replica.lookAtRetention(look, checkpointed: &checkpointed) {
    case .nothing: return nil
    case .removed(let step, let last):
      eventLoop.execute { [self] in
        self.step { replica.handle(.compacted(through: last), at: $0) }
      }
      return step
    case .moveStart(let start):
      eventLoop.execute { [self] in
        guard start.isBeyond(replica.latest.start) else { return }
        lastRequest += 1
        step { replica.moveStart(id: lastRequest, to: start, at: $0) }
      }
      return nil
    }
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
}
