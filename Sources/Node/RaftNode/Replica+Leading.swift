package import ClusterModel
import CommitLog
import Protobuf
package import RaftAPI
import RaftCore

extension Replica {
  /// Appends what may be appended, judged against the log's end (SEMANTICS section 3), as one write; each request is
  /// answered by a `resolved`, now or when its entry is committed.
  package func propose(_ proposals: [Proposal], at now: Instant) -> [ReplicaEffect] {
    guard appendRefusal == nil else { return within(now) { refuse(proposals.map(\.id)) } }
    return append(in: FrameBatch(capacity: 16 << 10), at: now) { builder in
      for proposal in proposals { admit(proposal, &builder) }
    }.effects
  }

  private func refuse(_ ids: [UInt64]) {
    let why: ProposalRefusal =
      core.role != .leader
      ? .raft(.notLeader(core.leader)) : isDiskFull ? .diskFull : .raft(.transferring)
    for id in ids { effects.append(.resolved(id: id, .refused(why))) }
  }

  private func admit(_ proposal: Proposal, _ builder: inout EntryBuilder) {
    let count = UInt64(proposal.records.count)
    let term = core.hard.term
    let verdict = builder.judge(
      proposal.stamp, expectedOffset: proposal.expectedOffset, count: count,
      subject: proposal.subject)
    var outcome = ProposalOutcome.appended(
      offset: builder.nextOffset, count: count, term: term, isDuplicate: false)
    switch verdict {
    case .append: builder.append(proposal)
    case .refuse(let why): outcome = .refused(why)
    case .duplicate(let offset, let index):
      outcome = .appended(offset: offset, count: count, term: term, isDuplicate: true)
      // What is committed is answered at once, whatever becomes of the requests before this one.
      let rests = core.mutant == .duplicateAnsweredEarly ? 0 : index
      return resolve(proposal.id, outcome, restingOn: rests)
    }
    resolve(proposal.id, outcome, restingOn: builder.lastIndex)
  }

  /// Gives a producer its id, or a named one that exists a new epoch.
  package func initProducer(
    id: UInt64, subject: String, name: String, at now: Instant
  ) -> [ReplicaEffect] {
    within(now) {
      guard core.canPropose, !isDiskFull else { return refuse([id]) }
      let index = latest.tail.nextIndex
      let next = latest.producers.next(subject: subject, name: name, index: index)
      let body = ProducerEntry(id: next.id, epoch: next.epoch, subject: subject, name: name)
      waiters.append(
        Waiter(id: id, index: index, outcome: .producer(id: next.id, epoch: next.epoch)))
      submit(control(.producers, body.serialized()))
    }
  }

  /// Changes who is in the group; one voter at a time.
  package func changeMembers(
    id: UInt64, to members: [MemberEntry], at now: Instant
  ) -> [ReplicaEffect] {
    within(now) {
      let entry = MembersEntry(members)
      do throws(RaftRefusal) {
        try core.check(change: entry.membership)
      } catch {
        return effects.append(.resolved(id: id, .refused(.raft(error))))
      }
      guard !isDiskFull else { return refuse([id]) }
      let index = latest.tail.nextIndex
      waiters.append(Waiter(id: id, index: index, outcome: .membershipChanged))
      let membership = MembershipEntry(index: index, membership: entry.membership)
      submit(control(.configuration, entry.serialized()), memberships: [membership])
    }
  }

  /// Makes the log begin further on; nothing where it does already.
  package func moveStart(id: UInt64, to start: LogStart, at now: Instant) -> [ReplicaEffect] {
    within(now) {
      guard core.canPropose, !isDiskFull else { return refuse([id]) }
      require(
        start.index < applied.tail.nextIndex && start.offset <= applied.tail.nextOffset,
        "the log cannot begin behind what is committed")
      guard start.isBeyond(latest.start) || core.mutant == .logStartMovesBack else {
        return resolve(id, .done, restingOn: latest.tail.nextIndex - 1)
      }
      waiters.append(Waiter(id: id, index: latest.tail.nextIndex, outcome: .done))
      submit(control(.logStart, start.serialized()))
    }
  }

  /// Sets what is to be kept, in place of what was; a part that is 0 stays as it is.
  package func changeSettings(
    id: UInt64, to settings: LogSettings, at now: Instant
  ) -> [ReplicaEffect] {
    within(now) {
      guard core.canPropose, !isDiskFull else { return refuse([id]) }
      var new = latest.settings
      if settings.retentionBytes != 0 { new.retentionBytes = settings.retentionBytes }
      if settings.retentionMs != 0 { new.retentionMs = settings.retentionMs }
      waiters.append(Waiter(id: id, index: latest.tail.nextIndex, outcome: .done))
      submit(control(.settings, new.serialized()))
    }
  }

  func writeNoOperation(index: UInt64, term: UInt64, _ ticket: UInt64) {
    let batch = control(.noOperation, [])
    require(batch.firstIndex == index, "no-op \(index) behind \(latest.tail.nextIndex)")
    outgoing = batch
    pump()
    outgoing = nil
    effects.append(.disk(.write(batch, ticket: ticket, committed: committedIndex)))
  }

  /// A batch of one control entry, which is in the log's end from now on.
  private func control(_ kind: FrameKind, _ body: [UInt8]) -> FrameBatch {
    let tail = latest.tail
    let batch = FrameBatch(capacity: FrameHeader.size + body.count)
    batch.begin(
      kind: kind, index: tail.nextIndex, term: core.hard.term, baseOffset: tail.nextOffset,
      logTime: max(settings.log.clock(), tail.lastLogTime), commitMark: committedIndex,
      maxTimestampSoFar: tail.maxTimestamp)
    body.withUnsafeBytes { batch.appendBody($0) }
    batch.end()
    extend([PendingEntry(header: batch.last, body: body)])
    return batch
  }

  /// Sends and writes a batch at the same time (thesis section 10.2.1).
  func submit(_ batch: FrameBatch, memberships: [MembershipEntry] = []) {
    guard !batch.isEmpty else { return }
    outgoing = batch
    perform(
      core.handle(
        .proposed(count: UInt64(batch.frames), memberships: memberships), at: now))
    pump()
    outgoing = nil
    effects.append(.disk(.write(batch, ticket: core.lastTicket, committed: committedIndex)))
  }

  // MARK: Sending

  /// Sends followers what they have room for: from the batch that is about to be written, or from the disk. What is on its
  /// way there waits.
  func pump() {
    while !toPump.isEmpty {
      let node = toPump.removeLast()
      piecesRead = 0
      while piecesRead < Self.piecesReadATurn, pump(to: node) {}
    }
  }

  /// Messages of entries that are read from the disk for one follower before anything else gets its turn; its answers ask for
  /// more. The others would take a leader that reads for longer for dead.
  private static var piecesReadATurn: Int { 2 }

  /// Whether there may be more.
  private func pump(to node: NodeID) -> Bool {
    let (plan, actions) = core.appendPlan(to: node)
    perform(actions)
    guard let plan else { return false }
    guard let frames = frames(for: plan) else { return false }
    guard let request = core.appendRequest(plan, through: frames.last) else { return false }
    effects.append(.send(Packet(.append(request), frames: frames.bytes), to: node))
    let event = Event.sent(plan, through: frames.last, bytes: frames.bytes.count)
    for action in core.handle(event, at: now) {
      guard case .replicate = action else {
        perform([action])
        continue
      }
    }
    return true
  }

  private func frames(for plan: AppendPlan) -> (bytes: [UInt8], last: UInt64)? {
    guard plan.last >= plan.first else { return ([], plan.previous.index) }
    if let outgoing, let first = outgoing.firstIndex, plan.first >= first {
      let last = outgoing.lastIndex(from: plan.first, maxBytes: settings.appendBytes)
      return (outgoing.copy(from: plan.first, through: last), last)
    }
    let end = min(plan.last, core.durable)
    // A probe may go without entries; they follow when they can be read.
    guard plan.first <= end else { return nil }
    do throws(CommitLogError) {
      piecesRead += 1
      let found = try engine.frames(
        from: plan.first, through: end, maxBytes: settings.appendBytes)
      guard let last = found.headers.last?.index else { return nil }
      return (found.bytes, last)
    } catch {
      effects.append(.damaged(error))
      return nil
    }
  }
}
