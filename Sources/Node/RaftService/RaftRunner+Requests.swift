package import ClusterModel
package import CommitLog
package import NIOCore
package import RaftAPI
import RaftCore
package import RaftNode

/// Requests, from any thread.
extension RaftRunner {
  /// Appends records, all or nothing.
  package func append(
    _ records: [Record], subject: String = "", stamp: ProducerStamp? = nil,
    expectedOffset: UInt64? = nil
  ) async -> ProposalOutcome {
    await request { [self] id in
      let proposal = Proposal(
        id: id, records: records, subject: subject, stamp: stamp, expectedOffset: expectedOffset)
      step { replica.propose([proposal], at: $0) }
    }
  }

  /// Gives a producer its id, or a named one that exists its next epoch.
  package func initProducer(subject: String, name: String) async -> ProposalOutcome {
    await request { [self] id in
      step { replica.initProducer(id: id, subject: subject, name: name, at: $0) }
    }
  }

  /// Changes who is in the group; one voter at a time.
  ///
  /// - Parameter seen: the `membershipIndex` that `members` were made from; refused where they have changed since.
  package func changeMembers(
    to members: [MemberEntry], seen: UInt64
  ) async -> ProposalOutcome {
    await request { [self] id in
      guard replica.core.membershipIndex == seen else {
        proposers.removeValue(forKey: id)?(.refused(.raft(.changeInProgress)))
        return
      }
      step { replica.changeMembers(id: id, to: members, at: $0) }
    }
  }

  /// Makes the log begin with the record `offset`, which must be committed.
  package func truncate(before offset: UInt64) async -> ProposalOutcome {
    let start = replica.logStart(at: offset, applied: status.appliedIndex)
    return await published { [self] id in
      guard start.offset <= replica.committedEnd else {
        proposers.removeValue(forKey: id)?(.refused(.raft(.notReady)))
        return
      }
      step { replica.moveStart(id: id, to: start, at: $0) }
    }
  }

  /// Sets what is to be kept of the log; a part that is 0 stays as it is.
  package func changeSettings(to settings: LogSettings) async -> ProposalOutcome {
    await published { [self] id in
      step { replica.changeSettings(id: id, to: settings, at: $0) }
    }
  }

  /// Whether a follower lacks next to nothing.
  package func hasCaughtUp(_ node: NodeID) async -> Bool {
    await withCheckedContinuation { continuation in
      eventLoop.execute { [self] in continuation.resume(returning: isCaughtUp(node)) }
    }
  }

  /// Hands leadership over, to the voter that has most of the log where none is named; returns when this server does not
  /// lead any more, or after `limit`.
  package func handOver(to node: NodeID? = nil, within limit: TimeAmount) async {
    let done = eventLoop.flatSubmit { [self] in
      let promise = eventLoop.makePromise(of: Void.self)
      guard !isStopping, replica.core.role == .leader, let heir = node ?? heir else {
        promise.succeed()
        return promise.futureResult
      }
      lastRequest += 1
      let number = lastRequest
      leavers[number] = promise
      eventLoop.assumeIsolated().scheduleTask(in: limit) {
        self.leavers.removeValue(forKey: number)?.succeed()
      }
      step { replica.handle(.transfer(to: heir), at: $0) }
      return promise.futureResult
    }
    // The promise is never failed.
    try? await done.get()
  }

  private var heir: NodeID? {
    let core = replica.core
    let voters = core.followers.filter { core.membership.isVoter($0.node) }
    return voters.max { $0.match < $1.match }?.node
  }

  func hasLeft() {
    let done = leavers.values
    leavers.removeAll()
    for promise in done { promise.succeed() }
  }

  /// The offset below which a read that began now must see all records, once this server has them; nil where no leader
  /// could be asked.
  package func linearizableEnd() async -> UInt64? {
    await withCheckedContinuation { continuation in
      eventLoop.execute { [self] in
        guard !isStopping else { return continuation.resume(returning: nil) }
        lastRequest += 1
        let id = lastRequest
        readers[id] = { continuation.resume(returning: $0) }
        step { replica.handle(.read(id: id), at: $0) }
      }
    }
  }

  /// Returns when `status` shows what became of it.
  private func published(
    _ body: @escaping @Sendable (UInt64) -> Void
  ) async -> ProposalOutcome {
    let outcome = await request(body)
    await withCheckedContinuation { continuation in
      eventLoop.execute { [self] in
        publish()
        continuation.resume()
      }
    }
    return outcome
  }

  private func request(
    _ body: @escaping @Sendable (UInt64) -> Void
  ) async -> ProposalOutcome {
    await withCheckedContinuation { continuation in
      eventLoop.execute { [self] in
        guard !isStopping else {
          return continuation.resume(returning: .refused(.raft(.notLeader(nil))))
        }
        lastRequest += 1
        proposers[lastRequest] = { continuation.resume(returning: $0) }
        body(lastRequest)
      }
    }
  }
}

/// A read that waits for an entry to be applied.
struct LateReader {
  var index: UInt64
  var since: Instant
  var done: (UInt64?) -> Void
}

// MARK: - On the loop

extension RaftRunner {
  /// While a write is on its way requests gather at the source, and go with the next.
  func appendGathered() {
    guard !isDiskBusy || replica.core.role != .leader, let source, source.hasRecords else { return }
    guard let time = source.buildTime(now: Self.now().nanoseconds) else {
      return append(from: source)
    }
    buildLater(time)
  }

  private func buildLater(_ time: UInt64) {
    guard buildTimer == nil else { return }
    buildTimer = eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(time)) {
      self.buildTimer = nil
      self.endTurnSoon()
    }
  }

  private func append(from source: any RecordSource) {
    if let why = replica.appendRefusal { return source.refused(why) }
    if roomLevel == .full { return source.refused(.diskFull) }
    buildTimer?.cancel()
    buildTimer = nil
    let batch = spare ?? FrameBatch(capacity: 1 << 20)
    spare = nil
    let (effects, last) = replica.append(in: batch, at: Self.now()) { source.build(&$0) }
    source.built(through: last, term: replica.core.hard.term)
    carryOut(effects)
  }

  func readReady(_ id: UInt64, _ index: UInt64) {
    guard let done = readers.removeValue(forKey: id) else { return }
    guard lateReaders.count < replica.settings.raft.pendingReads else { return done(nil) }
    lateReaders.append(LateReader(index: index, since: Self.now(), done: done))
    answerReaders(through: replica.applied.tail.nextIndex - 1)
  }

  /// How long a read waits for this server to have what it is to see; nanoseconds.
  private static let readPatience: UInt64 = 5_000_000_000

  /// A server that is far behind, or has no room for more, says so in the end.
  func giveUpReaders() {
    guard !lateReaders.isEmpty else { return }
    let now = Self.now()
    let late = lateReaders.filter { now.since($0.since) > Self.readPatience }
    lateReaders.removeAll { now.since($0.since) > Self.readPatience }
    for reader in late { reader.done(nil) }
  }

  func answerReaders(through index: UInt64) {
    guard lateReaders.contains(where: { $0.index <= index }) else { return }
    let ready = lateReaders.filter { $0.index <= index }
    lateReaders.removeAll { $0.index <= index }
    for reader in ready { reader.done(replica.committedEnd) }
  }

  /// Nobody will say what became of them.
  func abandonRequests() {
    let (term, index) = (replica.core.hard.term, replica.core.log.lastIndex)
    let waiting = proposers
    proposers.removeAll()
    for done in waiting.values { done(.unknown(term: term, index: index)) }
    for done in readers.values { done(nil) }
    readers.removeAll()
    for reader in lateReaders { reader.done(nil) }
    lateReaders.removeAll()
  }
}
