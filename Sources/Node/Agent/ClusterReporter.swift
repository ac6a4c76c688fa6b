import ClusterModel
import CommitLog
import LogService
import Logging
import RPC
import RaftAPI
import RaftCore
import RaftService
import Synchronization

/// Tells the operator, in log lines, what becomes of this server's part in its cluster.
final class ClusterReporter: Sendable {
  private let own: NodeID
  private let health: HealthService
  private let logger: Logger
  private let before = Mutex(RaftStatus())

  init(own: NodeID, _ health: HealthService, _ logger: Logger) {
    self.own = own
    self.health = health
    self.logger = logger
  }

  func report(_ notice: RaftNotice) {
    switch notice {
    case .changed(let status): changed(status)
    case .linkLost(let node, let reason):
      logger.warning(
        "the connection to another server is lost",
        metadata: ["server": "\(name(node))", "why": "\(reason)"])
    case .refused(let node, let refusal): refused(node, refusal)
    case .damaged(let error):
      let others = self.before.withLock { $0.members.count > 1 }
      logger.critical(
        others
          ? "the log on this disk is damaged; the entries are asked for from the other servers"
          : "the log on this disk is damaged; there is no other server to mend it from",
        metadata: ["error": "\(error)"])
    case .mended(let file, .mended(let entries)):
      logger.notice(
        "damage was mended with what other servers have",
        metadata: ["file": "\(file)", "entries": "\(entries)"])
    case .mended(let file, .doesNotFit(let fault)):
      logger.critical(
        "damage cannot be mended: what other servers have does not fit; remove this server, empty its folder and add it again",
        metadata: ["file": "\(file)", "byte": "\(fault.position)", "entry": "\(fault.index)"])
    case .diskFailed(let error):
      health.set("log.v1.Log", .notServing)
      logger.critical(
        "a write failed: no record is acknowledged any more; restart after the disk is mended",
        metadata: ["error": "\(error)"])
    case .diskStalled(true): logger.error("the disk does not answer: this server does not lead")
    case .diskStalled(false): logger.info("the disk answers again")
    case .logStartMoved: break
    case .needsImage(let node):
      logger.info(
        "a server lacks entries that are not kept any more: it is sent what followed from them",
        metadata: ["server": "\(name(node))"])
    case .imageInstalled(let index, let start):
      logger.notice(
        "this server was behind the log's start: its log begins anew",
        metadata: ["behind": "entry \(index)", "offset": "\(start)"])
    }
  }

  private func refused(_ node: NodeID, _ refusal: MessageRefusal) {
    let server: Logger.Metadata = ["server": "\(name(node))"]
    switch refusal {
    case .stranger:
      logger.warning(
        "a server that is no member as far as this one knows is not heeded", metadata: server)
    case .termTooFarAhead:
      logger.error(
        "a server claims a term that no election led to; it is not heeded", metadata: server)
    case .secondLeader:
      logger.critical(
        "another server says that it leads the term in which this one leads; it is not heeded: was a data folder copied?",
        metadata: server)
    }
  }

  private func name(_ node: NodeID) -> String {
    before.withLock { $0.members }.first { $0.id == node }?.name ?? "\(node)"
  }

  private func changed(_ status: RaftStatus) {
    let before = before.withLock { before in
      let old = before
      before = status
      return old
    }
    reportRoom(before.noRoom, status.noRoom)
    reportLevel(before.room, status.room)
    if before.members != status.members {
      let members = status.members.map { "\($0.name)\($0.isLearner ? " (learner)" : "")" }
      logger.info("members", metadata: ["servers": "\(members.joined(separator: ", "))"])
      if !before.members.isEmpty, !status.members.contains(where: { $0.id == own }) {
        logger.warning("this server is no member of the cluster: an operator has to add it")
      }
    }
    guard before.leader != status.leader || before.term != status.term else { return }
    let term: Logger.Metadata = ["term": "\(status.term)"]
    switch status.leader {
    case nil: logger.info("no leader is known", metadata: term)
    case own: logger.info("this server leads", metadata: term)
    case .some(let leader):
      logger.info(
        "another server leads", metadata: ["term": "\(status.term)", "leader": "\(name(leader))"])
    }
  }

  private func reportLevel(_ before: DiskRoom.Level, _ now: DiskRoom.Level) {
    guard before != now else { return }
    switch now {
    case .enough: logger.info("there is enough room on the disk again")
    case .low where before == .full:
      logger.warning("the disk has room again: records are taken; it is nearly full (storage.low)")
    case .low: logger.warning("the disk is nearly full (storage.low): make room, or keep less")
    case .full:
      logger.error(
        "the disk is full but for a reserve (storage.full): records are refused, reads go on; they are taken again when there is space"
      )
    }
  }

  private func reportRoom(_ before: CommitLogError?, _ now: CommitLogError?) {
    guard before != now else { return }
    switch now {
    case nil: logger.info("writes succeed again")
    case .outOfFiles(let file):
      logger.error(
        "too many open files: writes are refused, reads go on; writes resume when some are closed; raise the limit (ulimit -n, LimitNOFILE= of systemd)",
        metadata: ["file": "\(file)"])
    case .diskFull(let file):
      logger.error(
        "the disk is full: writes are refused, reads go on; writes resume when there is space",
        metadata: ["file": "\(file)"])
    case .some(let error):
      logger.error("writes are refused, reads go on", metadata: ["error": "\(error)"])
    }
  }
}

extension Agent {
  static func report(_ notice: FormationRunner.Notice, _ logger: Logger) {
    switch notice {
    case .waiting(let why): logger.info("no cluster yet", metadata: ["why": "\(why)"])
    case .agreed(let founding):
      logger.info(
        "agreed to form a cluster",
        metadata: [
          "cluster": "\(founding.clusterID)",
          "servers": "\(founding.members.map(\.name).joined(separator: ", "))",
        ])
    case .startedAnew(let why):
      logger.warning("what was agreed to cannot come about any more", metadata: ["why": "\(why)"])
    }
  }

  static func report(
    _ outcome: RetentionTask.Outcome, _ health: HealthService, _ logger: Logger
  ) {
    switch outcome {
    case .removed(let step):
      logger.info(
        "retention removed the oldest segment",
        metadata: [
          "cause": "\(step.cause.rawValue)", "records": "\(step.removed.count)",
          "start": "\(step.removed.upperBound)", "bytes": "\(step.bytes)",
        ])
    case .failed(let error):
      switch error {
      // No write succeeds any more, though none may come to find that out.
      case .io, .poisoned: health.set("log.v1.Log", .notServing)
      default: break
      }
      logger.critical(
        "retention failed: nothing is removed any more; restart after the disk is mended",
        metadata: ["error": "\(error)"])
    }
  }
}
