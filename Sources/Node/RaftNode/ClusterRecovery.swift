import ClusterModel
package import CommitLog
package import RaftAPI
import Protobuf
import RaftCore

/// Makes one server of a cluster that has lost its majority for good a cluster of its own (RAFT-RULES 43: never by itself).
///
/// Its log is taken as it is: entries that only the lost servers had are gone, though they may have been acknowledged, and
/// entries that it alone has count as committed from now on. The new cluster has an id of its own, so that the others and
/// this server refuse each other should they run with what they have.
package final class ClusterRecovery<D: Disk> {
  private let replica: Replica<D>
  private let path: String
  private let state: FormationFile<D>.State

  /// Opens the data folder `path`, which is a member's.
  package init(_ path: String, disk: D, options: CommitLog.Options) throws(CommitLogError) {
    var settings = Replica<D>.Settings()
    settings.log = options
    guard let state = try FormationFile(in: path, disk: disk).read(), state.phase == .member else {
      throw .notADataFolder(folder: path, why: "it is no member's of a cluster")
    }
    self.path = path
    self.state = state
    replica = try Replica(
      path, disk: disk, settings: settings, founders: state.founding?.members ?? [], isNew: false,
      random: SeededRandom(seed: 1), at: .zero)
  }

  package var clusterID: String { "\(replica.engine.identity.clusterID)" }
  /// Who is in the cluster by this server's log.
  package var members: [MemberEntry] { replica.latest.members }
  package var own: MemberEntry? { members.first { $0.id == replica.id } }
  package var offsets: Range<UInt64> { replica.engine.offsets }
  /// Records below this offset are known to have been acknowledged, or could have been.
  package var committedEnd: UInt64 { replica.committedEnd }

  /// Makes it the only member of a new cluster; durable on return. Returns that cluster's id.
  ///
  /// The id comes first: a crash before the membership leaves a folder that cannot lead and that the others refuse, which is
  /// recovered by doing this again.
  package func run() throws(CommitLogError) -> String {
    let cluster = UniqueID.random()
    try rename(to: cluster)
    try becomeOnlyMember()
    return "\(cluster)"
  }

  private func rename(to cluster: UniqueID) throws(CommitLogError) {
    try replica.engine.writeIdentity(of: cluster, folder: path)
    var state = state
    state.founding?.clusterID = "\(cluster)"
    try FormationFile(in: path, disk: replica.engine.disk).write(state)
  }

  private func becomeOnlyMember() throws(CommitLogError) {
    let engine = replica.engine
    var member =
      own ?? MemberEntry(replica.id, name: "", address: "", isLearner: false)
    member.isLearner = false
    member.wantsVote = false
    let tail = engine.tail
    // Higher than any term in which this server has voted.
    let term = max(replica.core.hard.term, tail.lastTerm) + 1
    guard case .saved = replica.disk.perform(.save(HardState(term: term, vote: replica.id))) else {
      throw .poisoned(why: "the vote cannot be written")
    }
    let body = MembersEntry([member]).serialized()
    let batch = FrameBatch(capacity: FrameHeader.size + body.count)
    batch.begin(
      kind: .configuration, index: tail.nextIndex, term: term, baseOffset: tail.nextOffset,
      logTime: max(replica.settings.log.clock(), tail.lastLogTime), commitMark: tail.commitMark,
      maxTimestampSoFar: tail.maxTimestamp)
    body.withUnsafeBytes { batch.appendBody($0) }
    batch.end()
    if let error = engine.write([batch]).error { throw error }
    try engine.confirmTail()
  }

  package func close() throws(CommitLogError) { try replica.engine.close() }
}
