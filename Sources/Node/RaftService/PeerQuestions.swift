package import ClusterModel
import CommitLog
import GRPCWire
import NIOCore
import Protobuf
package import RPC
package import RaftAPI
package import RaftCore
import RaftNode

/// What a server asks another one outside of Raft, one call each, on a connection of its own.
extension RaftRunner {
  /// Who listens at `address`.
  package func meet(at address: PeerAddress) async throws(RPCError) -> Introduction? {
    let own =
      status.members.first { $0.id == id }
      ?? MemberEntry(id, name: "", address: "", isLearner: false)
    let founding = Founding(
      clusterID: "\(identity.clusterID)", logID: "\(identity.logInstanceID)")
    let question = Introduction(own, founding: founding, isFormed: true)
    let answer = try await ask(RaftMethod.meet, question.serialized(), at: address)
    return try? Introduction(serialized: answer)
  }

  /// How another server stands; nil when it does not say.
  package func report(of member: MemberEntry) async -> ServerReport? {
    guard let address = PeerAddress(member.address),
      let answer = try? await ask(RaftMethod.report, ReportRequest().serialized(), at: address)
    else { return nil }
    return try? ServerReport(serialized: answer)
  }

  private func ask(
    _ method: RaftMethod, _ question: [UInt8], at address: PeerAddress
  ) async throws(RPCError) -> [UInt8] {
    try await PeerQuestion(tls: tlsInUse, eventLoop: eventLoop).ask(method, question, at: address)
  }

  /// What this server, when it leads, knows of the others: how long ago it heard from each, in nanoseconds.
  package func followers() async -> [(status: FollowerStatus, silence: UInt64)] {
    await withCheckedContinuation { continuation in
      eventLoop.execute { [self] in
        let now = Self.now()
        continuation.resume(
          returning: replica.core.followers.map { ($0, now.since($0.lastHeard)) })
      }
    }
  }

  /// How this server stands, but for its disk.
  package var report: ServerReport {
    let status = status
    var report = ServerReport()
    report.name = status.members.first { $0.id == id }?.name ?? ""
    report.state = status.stateName(of: id)
    report.term = status.term
    report.lastIndex = status.lastIndex
    report.commitIndex = status.commitIndex
    report.appliedIndex = status.appliedIndex
    report.startOffset = log.offsets.lowerBound
    report.endOffset = status.committedEnd
    report.newestLogTime = log.tail.lastLogTime
    report.alarms = status.alarms
    return report
  }
}

extension RaftStatus {
  /// leader, candidate, follower, learner, or none for a server that is no member.
  package func stateName(of id: NodeID) -> String {
    guard let member = members.first(where: { $0.id == id }) else { return "none" }
    switch role {
    case .leader: return "leader"
    case .candidate, .preCandidate: return "candidate"
    case .follower: return member.isLearner ? "learner" : "follower"
    }
  }
}
