import ClusterModel
package import CommitLog
package import LogAPI
import NIOCore
import Protobuf
package import RaftAPI
import RaftCore
package import RaftNode
package import RaftService
import Synchronization

/// A replicated log: what is on the disks of a majority is committed.
///
/// Requests gather on the runner's event loop until its disk can take them, are built into entries where they are to be
/// served from, and are answered when those are committed.
package final class RaftBackend: LogBackend, RecordSource, @unchecked Sendable {
  package let log: CommitLog
  private let runner: RaftRunner
  private let limits: ServiceLimits
  private let loops: [ServiceLoop]
  private let end: Atomic<UInt64>

  // Confined to the runner's event loop.
  private let requests: ProduceRequestReader
  private var gathering: [Origin] = []
  private var pending: [Group] = []
  private var timing = GroupTiming()
  private var gatheredRequests = 0
  /// The cost of what was placed and is not committed.
  private var uncommitted = 0
  private var isStopping = false
  /// Entries up to here are committed.
  private var committedIndex: UInt64 = 0
  /// Set when it takes no more; done when all that was taken is answered.
  private var drained: EventLoopPromise<Void>?

  private struct Origin {
    let submission: Submission
    let loop: ServiceLoop
    /// False for one that only waits for its turn to be answered: answers of one stream go out in the order of its requests.
    var isPlaced = false
  }

  /// What was built in one go.
  private struct Group {
    /// Answered once this entry is committed.
    let last: UInt64
    let term: UInt64
    let origins: [Origin]
    let requests: Int
    /// When it was built, by the loop's clock.
    let began: UInt64
  }

  /// - Parameter loops: every loop that submits; they are told of each commit.
  package init(_ runner: RaftRunner, loops: [ServiceLoop], limits: ServiceLimits) {
    self.runner = runner
    self.loops = loops
    self.limits = limits
    log = runner.log
    end = Atomic(runner.status.committedEnd)
    requests = ProduceRequestReader(maxRecords: limits.batchRecords)
  }

  package var committedEnd: UInt64 { end.load(ordering: .acquiring) }
  package var term: UInt64 { runner.status.term }

  package func submit(_ submission: Submission, from loop: ServiceLoop) {
    let origin = Origin(submission: submission, loop: loop)
    if runner.eventLoop.inEventLoop {
      accept(origin)
    } else {
      let box = UncheckedBox(origin)
      runner.eventLoop.execute { self.accept(box.value) }
    }
  }

  /// Takes no more requests, and returns when all that were taken are answered, or the runner has stopped. Any thread.
  package func drain() async {
    let done = runner.eventLoop.flatSubmit { [self] in
      let promise = drained ?? runner.eventLoop.makePromise(of: Void.self)
      drained = promise
      isStopping = true
      settleDrain()
      return promise.futureResult
    }
    // The promise is never failed.
    try? await done.get()
  }

  private func settleDrain() {
    if pending.isEmpty, gathering.isEmpty { drained?.succeed() }
  }

  package func catchUp() async -> Bool { await runner.linearizableEnd() != nil }

  package func initProducer(
    subject: String, name: String
  ) async -> Result<(id: UInt64, epoch: UInt32), LogFailure> {
    switch await runner.initProducer(subject: subject, name: name) {
    case .producer(let id, let epoch): return .success((id, epoch))
    case .refused(let why): return .failure(failure(of: why))
    case .unknown(let term, let index): return .failure(.leadershipLost(term: term, index: index))
    case .appended, .membershipChanged, .done:
      preconditionFailure("another request's outcome")
    }
  }

  package func noteDamage(_ error: CommitLogError) { runner.noteDamage(error) }

  package var retention: Retention { runner.retention }

  package func setRetention(_ settings: LogSettings) async -> LogFailure? {
    failure(of: await runner.changeSettings(to: settings))
  }

  package func truncate(before offset: UInt64) async -> LogFailure? {
    if let failure = failure(of: await runner.truncate(before: offset)) { return failure }
    return await runner.applyLogStart().map { LogFailure(of: $0) }
  }

  private func failure(of outcome: ProposalOutcome) -> LogFailure? {
    switch outcome {
    case .refused(let why): failure(of: why)
    case .unknown(let term, let index): .leadershipLost(term: term, index: index)
    default: nil
    }
  }

  package func servers(_ about: ServerDescription, address: String) -> GetServersResponse {
    let status = runner.status
    var response = GetServersResponse()
    response.servers = status.members.map { member in
      var server = Server()
      server.id = member.name
      server.rpcAddr = member.id == runner.id ? address : member.address
      server.isLeader = member.id == status.leader
      server.role = member.isLearner ? .learner : .voter
      server.reachable = member.id == runner.id || status.reachable.contains(member.id)
      if member.id == runner.id { server.appliedIndex = status.appliedIndex }
      return server
    }
    response.version = status.membershipIndex
    response.term = status.term
    response.clusterId = about.clusterID
    response.leaderId = status.members.first { $0.id == status.leader }?.name ?? ""
    return response
  }

  // MARK: - On the runner's loop

  private func accept(_ origin: Origin) {
    gathering.append(origin)
    gatheredRequests += origin.submission.entries.count
    runner.hasRecords()
  }

  package var hasRecords: Bool { !gathering.isEmpty }

  package func buildTime(now: UInt64) -> UInt64? {
    isStopping ? nil : timing.start(gathered: gatheredRequests, now: now)
  }

  package func build(_ builder: inout EntryBuilder) {
    timing.starts(gathered: gatheredRequests)
    for place in gathering.indices {
      let submission = gathering[place].submission
      if let refusal = refusal(of: submission) {
        submission.refuse(refusal)
        continue
      }
      self.place(submission, &builder)
      uncommitted += submission.cost
      gathering[place].isPlaced = true
    }
  }

  private func refusal(of submission: Submission) -> LogFailure? {
    if isStopping { return .draining }
    guard uncommitted == 0 || uncommitted + submission.cost <= limits.unwrittenBytes else {
      return .overloaded(limit: limits.unwrittenBytes)
    }
    return nil
  }

  private func place(_ submission: Submission, _ builder: inout EntryBuilder) {
    let requests = requests
    func append(_ request: UnsafeRawBufferPointer, _ count: Int) -> Submission.Place {
      let first = builder.nextOffset
      let timestamp = RequestRecords.append(request, by: requests) { builder.append($0) }
      let placed = builder.nextOffset - first
      precondition(placed == count, "placed \(placed) records of \(count) validated")
      return (first, timestamp)
    }
    _ = submission.placeEach { request, count in
      builder.beginRequest(bytes: request.count)
      return append(request, count)
    } judge: { request, count, subject in
      let (stamp, expected) = RequestRecords.conditions(of: request, by: requests)
      switch builder.judge(
        stamp, expectedOffset: expected, count: UInt64(count), subject: subject)
      {
      case .duplicate(let offset, _): return .duplicate(firstOffset: offset)
      case .refuse(let why): return .refused(failure(of: why))
      case .append:
        if let stamp {
          builder.beginRequest(bytes: request.count, count: UInt64(count), stamp)
        } else {
          builder.beginRequest(bytes: request.count)
        }
        return .placed(append(request, count))
      }
    }
  }

  package func built(through index: UInt64, term: UInt64) {
    pending.append(
      Group(
        last: index, term: term, origins: gathering, requests: gatheredRequests,
        began: NIODeadline.now().uptimeNanoseconds))
    gathering.removeAll(keepingCapacity: true)
    gatheredRequests = 0
    // One of which all was refused waits for nobody: it is answered at the end of this turn.
  }

  package func refused(_ why: ProposalRefusal) {
    let failure = failure(of: why)
    let refused = gathering
    gathering.removeAll()
    gatheredRequests = 0
    for origin in refused { origin.submission.refuse(failure) }
    guard let before = pending.last else {
      resolve(refused, .failure(failure))
      return settleDrain()
    }
    // Who waits for nothing else hears at once: what is pending may be so for long, for want of a majority with room.
    resolve(refused.filter { !$0.submission.isOrdered }, .failure(failure))
    let ordered = refused.filter { $0.submission.isOrdered }
    guard !ordered.isEmpty else { return }
    // Behind the answers before them.
    pending.append(
      Group(last: before.last, term: before.term, origins: ordered, requests: 0, began: 0))
  }

  package func committed(_ index: UInt64, end: UInt64) {
    self.end.store(end, ordering: .sequentiallyConsistent)
    for loop in loops { loop.committed() }
    let before = committedIndex
    committedIndex = index
    let now = NIODeadline.now().uptimeNanoseconds
    for group in pending.prefix(while: { $0.last <= index })
    where group.last > before && group.requests > 0 {
      timing.wrote(
        group.requests, took: now - group.began, gathered: gatheredRequests, now: now)
    }
  }

  package func withdrawn(from index: UInt64) {
    // What was written before is answered first.
    turnEnded()
    let back = pending.filter { $0.last >= index }
    pending.removeAll { $0.last >= index }
    let why = failure(of: .diskFull)
    let end = end.load(ordering: .relaxed)
    for group in back {
      for origin in group.origins { origin.submission.refuse(why, butDuplicatesBelow: end) }
      settle(group, .success(group.term))
    }
    settleDrain()
  }

  /// Answers what is committed, while the next write is on its way.
  package func turnEnded() {
    let done = pending.prefix { $0.last <= committedIndex }
    guard !done.isEmpty else { return }
    pending.removeFirst(done.count)
    for group in done { settle(group, .success(group.term)) }
    settleDrain()
  }

  package func leadershipEnded(term: UInt64) {
    // What is committed is answered as such.
    turnEnded()
    let lost = pending
    pending.removeAll()
    for group in lost {
      let failure =
        runner.status.diskFailure.map { LogFailure.outcomeUnknown(reason: "\($0)") }
        ?? .leadershipLost(term: group.term, index: group.last)
      for origin in group.origins { origin.submission.refuse(failure) }
      settle(group, .failure(failure))
    }
    settleDrain()
  }

  private func settle(_ group: Group, _ result: Result<UInt64, LogFailure>) {
    for origin in group.origins where origin.isPlaced { uncommitted -= origin.submission.cost }
    resolve(group.origins, result)
  }

  private func resolve(_ origins: [Origin], _ result: Result<UInt64, LogFailure>) {
    for origin in origins { origin.loop.resolve(origin.submission, result) }
  }

  private func failure(of why: ProposalRefusal) -> LogFailure {
    let status = runner.status
    if let error = status.diskFailure {
      // Who leads in its place is what a client needs to know; what failed stands in the log.
      guard let leader = status.leaderEntry, leader.id != runner.id else {
        return .fenced(reason: "\(error)")
      }
      return .notLeader(id: leader.name, address: leader.address, term: status.term)
    }
    switch why {
    case .producer(let why): return .producer(why)
    case .producerTooFast: return .producerTooFast
    case .offsetMismatch(let next): return .offsetMismatch(next: next)
    case .diskFull:
      return status.noRoom.map { LogFailure(of: $0) }
        ?? .diskFull(file: status.room == .full ? "less than storage.full is free" : "the log")
    case .raft(.notLeader(let leader?)):
      guard let member = status.members.first(where: { $0.id == leader }) else { return .noLeader }
      return .notLeader(id: member.name, address: member.address, term: status.term)
    default: return .noLeader
    }
  }
}
