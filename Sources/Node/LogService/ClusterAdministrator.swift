import ClusterModel
import CommitLog
import Foundation
import GRPCWire
import LogAPI
import NIOCore
import Protobuf
package import RaftAPI
import RaftCore
import RaftNode
package import RaftService

/// Tells how the servers of the cluster stand, and changes who they are, as an operator asks.
package final class ClusterAdministrator: Sendable {
  private let runner: RaftRunner
  private let about: ServerDescription
  private let version: String
  private let started: UInt64
  private let folder: String
  private let limits: NumberMap

  /// - Parameters:
  ///   - started: nanoseconds since 1970.
  ///   - folder: whose disk is looked at.
  ///   - limits: what this server is configured with, by key.
  package init(
    _ runner: RaftRunner, _ about: ServerDescription, version: String, started: UInt64,
    folder: String, limits: [(String, UInt64)] = []
  ) {
    self.runner = runner
    self.about = about
    self.version = version
    self.started = started
    self.folder = folder
    self.limits = NumberMap(limits)
  }

  // MARK: - How it stands

  /// This server, as others ask for it.
  package func report() -> ServerReport {
    var report = runner.report
    let space = DiskSpace(folder)
    report.diskFreeBytes = space.free
    report.diskUsedBytes = space.used
    return report
  }

  func status() async -> StatusResponse {
    let status = runner.status
    let own = report()
    var response = StatusResponse()
    response.serverID = about.nodeID
    response.clusterID = about.clusterID
    response.version = version
    response.raftState = own.state
    response.leaderID = status.leaderEntry?.name ?? ""
    response.term = status.term
    response.lastIndex = status.lastIndex
    response.commitIndex = status.commitIndex
    response.appliedIndex = status.appliedIndex
    response.diskFreeBytes = own.diskFreeBytes
    response.diskUsedBytes = own.diskUsedBytes
    response.startedUnixNano = started
    response.limits = limits
    let followers = await runner.followers()
    response.peers = followers.map { follower in
      var peer = PeerProgress()
      peer.serverID = status.members.first { $0.id == follower.status.node }?.name ?? ""
      peer.matchIndex = follower.status.match
      peer.lagEntries = status.lastIndex - min(status.lastIndex, follower.status.match)
      peer.lastContactMs = follower.silence / 1_000_000
      peer.state = follower.status.state
      return peer
    }
    let reports = await reports(status)
    response.replicas = replicas(status, own, reports)
    response.alarms = status.members.flatMap { member in
      let alarms = (member.id == runner.id ? own : reports[member.id]?.report)?.alarms ?? []
      return alarms.map { Alarm(member.name, $0.kind, $0.message, since: $0.sinceUnixNano) }
    }
    return response
  }

  /// What each member says of itself, asked at the same time.
  private func reports(
    _ status: RaftStatus
  ) async -> [NodeID: (report: ServerReport, took: Duration)] {
    let asked = ContinuousClock.now
    return await withTaskGroup(of: (NodeID, ServerReport?, Duration).self) { group in
      for member in status.members where member.id != runner.id {
        group.addTask { [runner] in
          let report = await runner.report(of: member)
          return (member.id, report, ContinuousClock.now - asked)
        }
      }
      var found: [NodeID: (report: ServerReport, took: Duration)] = [:]
      for await (id, report, took) in group {
        if let report { found[id] = (report, took) }
      }
      return found
    }
  }

  private func replicas(
    _ status: RaftStatus, _ own: ServerReport,
    _ reports: [NodeID: (report: ServerReport, took: Duration)]
  ) -> [ReplicaStatus] {
    let leader =
      status.leader == runner.id ? own : status.leader.flatMap { reports[$0]?.report }
    return status.members.compactMap { member in
      guard let report = member.id == runner.id ? own : reports[member.id]?.report else {
        return nil
      }
      var replica = ReplicaStatus()
      replica.serverID = member.name
      replica.startOffset = report.startOffset
      replica.endOffset = report.endOffset
      replica.diskFreeBytes = report.diskFreeBytes
      replica.diskUsedBytes = report.diskUsedBytes
      replica.lastContactMs = UInt64(
        clamping: TimeAmount(reports[member.id]?.took ?? .zero).nanoseconds / 1_000_000)
      if let leader {
        replica.lagRecords = leader.endOffset - min(leader.endOffset, report.endOffset)
        let newest = leader.newestLogTime
        // One that has no entry yet has no time either.
        let own = report.newestLogTime == 0 ? newest : report.newestLogTime
        replica.lagMs = (newest - min(newest, own)) / 1_000_000
      }
      return replica
    }
  }

  // MARK: - Who is a member

  /// Adds the server that listens at an address, as a learner first; nil when it is done.
  func add(_ request: AddServerRequest) async -> Status? {
    if let refusal = leaderRefusal() { return refusal }
    guard let address = PeerAddress(request.rpcAddr) else {
      return .invalid("rpc_addr", "\"\(request.rpcAddr)\" is not host:port")
    }
    let introduction: Introduction?
    do {
      introduction = try await runner.meet(at: address)
    } catch {
      return Status(
        .failedPrecondition, "the server at \(request.rpcAddr) does not answer: \(error)",
        reason: "SERVER_UNREACHABLE", metadata: [("addr", request.rpcAddr)])
    }
    guard let introduction, let server = introduction.sender else {
      return Status(
        .failedPrecondition, "what listens at \(request.rpcAddr) does not say who it is",
        reason: "SERVER_UNREACHABLE", metadata: [("addr", request.rpcAddr)])
    }
    guard server.name == request.id else {
      return .invalid("id", "the server at \(request.rpcAddr) is called \"\(server.name)\"")
    }
    guard introduction.isFormed, introduction.founding?.clusterID == about.clusterID else {
      return Status(
        .failedPrecondition,
        "\(request.id) is in no cluster yet, or in another: start it with --join and an empty data folder",
        reason: "CLUSTER_MISMATCH", metadata: [("expected", about.clusterID)])
    }
    let status = runner.status
    var members = status.members
    if let before = members.firstIndex(where: { $0.id == server.id }) {
      guard members[before].address != request.rpcAddr else { return exists(request.id) }
      members[before].address = request.rpcAddr
    } else {
      guard !members.contains(where: { $0.name == request.id }) else {
        return Status(
          .alreadyExists,
          "\(request.id) is a member with another data folder: remove that one first",
          reason: "SERVER_EXISTS", metadata: [("id", request.id)])
      }
      var entry = MemberEntry(
        server.id, name: request.id, address: request.rpcAddr, isLearner: true)
      entry.wantsVote = request.role == .voter
      members.append(entry)
    }
    return await change(to: members, status)
  }

  private func exists(_ id: String) -> Status {
    Status(
      .alreadyExists, "\(id) is a member already", reason: "SERVER_EXISTS",
      metadata: [("id", id)])
  }

  func promote(_ request: PromoteServerRequest) async -> Status? {
    if let refusal = leaderRefusal() { return refusal }
    let status = runner.status
    let members = status.members
    guard let member = members.first(where: { $0.name == request.id }) else {
      return notFound(request.id)
    }
    guard member.isLearner else { return exists(request.id) }
    guard await runner.hasCaughtUp(member.id) else {
      return Status(
        .failedPrecondition,
        "\(request.id) has not caught up yet: `cluster status` tells how far it is",
        reason: "NOT_CAUGHT_UP", metadata: [("id", request.id)], retryAfter: .seconds(1))
    }
    return await change(to: members.promoting(member.id), status)
  }

  func remove(_ request: RemoveServerRequest) async -> Status? {
    if let refusal = leaderRefusal() { return refusal }
    let status = runner.status
    let members = status.members
    guard let member = members.first(where: { $0.name == request.id }) else {
      return notFound(request.id)
    }
    let left = members.filter { $0.id != member.id }
    let voters = left.filter { !$0.isLearner }
    guard !voters.isEmpty else {
      return Status(
        .failedPrecondition, "\(request.id) is the last voter", reason: "QUORUM_AT_RISK")
    }
    if !member.isLearner, !request.force {
      let silent = await runner.followers().filter { $0.silence > 1_000_000_000 }
        .map(\.status.node)
      let alive = voters.count { !silent.contains($0.id) }
      guard alive > voters.count / 2 else {
        return Status(
          .failedPrecondition,
          "without \(request.id) \(alive) of \(voters.count) voters would be up, which is no majority",
          reason: "QUORUM_AT_RISK",
          metadata: [("alive", "\(alive)"), ("voters", "\(voters.count)")])
      }
    }
    if member.id == runner.id {
      // The next leader removes it, so that nobody has to wait for an election. Where none takes over, this one does.
      await runner.handOver(within: .seconds(2))
      if let refusal = leaderRefusal() { return refusal }
    }
    return await change(to: left, status)
  }

  func transfer(_ request: TransferLeadershipRequest) async -> Status? {
    guard LogName.isDefault(request.log) else { return .noSuchLog(request.log) }
    if let refusal = leaderRefusal() { return refusal }
    let members = runner.status.members
    var heir: NodeID?
    if !request.toID.isEmpty {
      guard let member = members.first(where: { $0.name == request.toID }) else {
        return notFound(request.toID)
      }
      guard !member.isLearner else {
        return .invalid("to_id", "\(request.toID) is a learner, which cannot lead")
      }
      if member.id == runner.id { return nil }
      heir = member.id
    }
    await runner.handOver(to: heir, within: .seconds(2))
    guard runner.status.role == .leader else { return nil }
    return Status(
      .unavailable, "leadership was not taken over: no other voter could, or not in time",
      reason: "TRANSFER_FAILED", retryAfter: .seconds(1))
  }

  private func leaderRefusal() -> Status? {
    let status = runner.status
    guard status.role != .leader else { return nil }
    guard let leader = status.leaderEntry else { return Status(LogFailure.noLeader) }
    return Status(
      LogFailure.notLeader(id: leader.name, address: leader.address, term: status.term))
  }

  private func notFound(_ id: String) -> Status {
    Status(
      .notFound, "no server \"\(id)\" is a member: `servers` lists them",
      reason: "SERVER_NOT_FOUND", metadata: [("id", id)])
  }

  private func change(to members: [MemberEntry], _ seen: RaftStatus) async -> Status? {
    switch await runner.changeMembers(to: members, seen: seen.membershipIndex) {
    case .membershipChanged, .appended, .producer, .done: return nil
    case .unknown(let term, let index):
      return Status(
        .aborted,
        "this server lost its leadership before the change was committed: it may or may not be in force",
        reason: "CHANGE_OUTCOME_UNKNOWN", metadata: [("term", "\(term)"), ("index", "\(index)")])
    case .refused(.raft(.notLeader)): return leaderRefusal() ?? Status(LogFailure.noLeader)
    case .refused(.raft(.changeInProgress)), .refused(.raft(.notReady)),
      .refused(.raft(.transferring)):
      return Status(
        .unavailable, "another change is under way: try again", reason: "CHANGE_IN_PROGRESS",
        retryAfter: .milliseconds(500))
    case .refused(let why):
      return Status(.failedPrecondition, "the change is refused: \(why)", reason: "CHANGE_REFUSED")
    }
  }
}
