import ClusterModel

extension RaftCore {
  /// Entries or a heartbeat of this term's leader; false where they cannot be, for this node leads the term.
  mutating func hear(from node: NodeID) -> Bool {
    guard role != .leader else {
      actions.append(.refused(.secondLeader, from: node))
      return false
    }
    heardFromLeader = now
    resetElectionTimer()
    if role != .follower || leader != node { follow(node, in: hard.term) }
    return true
  }

  mutating func receivedHeartbeat(_ heartbeat: Heartbeat, from node: NodeID) {
    guard hear(from: node) else { return }
    commit(upTo: heartbeat.commit, known: verified)
    send(
      .heartbeatAnswer(HeartbeatAnswer(term: hard.term, round: heartbeat.round)), to: node)
  }

  mutating func receivedAppend(_ request: AppendRequest, from node: NodeID) {
    guard hear(from: node), !isFenced, !isInstalling else { return }
    // What was sent before a later attempt of this leader is right all the same; its answer would go nowhere.
    session = max(session, request.session)
    guard agrees(on: request.previous) else { return refuse(request, from: node) }
    let first = firstNew(in: request)
    let hasNew = first <= request.lastIndex
    if hasNew { take(request, from: first) }
    if mutant == .truncatesOnShortAppend, !hasNew, request.lastIndex < log.lastIndex,
      request.lastIndex > request.previous.index
    {
      truncate(from: request.lastIndex + 1)
    }
    verified = max(verified, request.lastIndex)
    commit(
      upTo: request.commit,
      known: mutant == .commitsToLogEnd ? log.lastIndex : request.lastIndex)
    if !hasNew || mutant == .acknowledgedBeforeSync { acknowledge() }
  }

  /// Committed entries are the same everywhere, those that are no longer kept among them.
  private func agrees(on position: LogPosition) -> Bool {
    position.index <= log.before.index || log.contains(position)
  }

  private mutating func refuse(_ request: AppendRequest, from node: NodeID) {
    let previous = request.previous
    let limit = min(previous.index, log.lastIndex)
    let index = log.lastIndex(upTo: limit, ofTermAtMost: previous.term)
    let hint = LogPosition(term: log.term(at: index) ?? 0, index: index)
    let outcome = AppendAnswer.Outcome.conflict(previous: previous.index, hint: hint)
    send(
      .appendAnswer(AppendAnswer(term: hard.term, session: request.session, outcome: outcome)),
      to: node)
  }

  /// The first entry of the request that this log does not have.
  private func firstNew(in request: AppendRequest) -> UInt64 {
    var index = request.previous.index + 1
    for run in request.runs {
      let end = index + run.count
      while index < end {
        if index <= log.before.index {
          index = min(end, log.before.index + 1)
          continue
        }
        guard log.term(at: index) == run.term else { return index }
        // Terms never fall, so all up to here are of that term.
        index = max(index, log.lastIndex(upTo: end - 1, ofTermAtMost: run.term)) + 1
      }
    }
    return index
  }

  private mutating func take(_ request: AppendRequest, from first: UInt64) {
    if first <= log.lastIndex { truncate(from: first) }
    var index = request.previous.index + 1
    for run in request.runs {
      let end = index + run.count
      if end > first { log.append(count: end - max(index, first), term: run.term) }
      index = end
    }
    for entry in request.memberships where entry.index >= first {
      memberships.append(entry)
      actions.append(.membershipChanged(entry.membership))
    }
    let ticket = nextTicket(last: log.lastIndex)
    actions.append(.write(first: first, last: log.lastIndex, ticket: ticket))
  }

  /// Only a real conflict, and never anything committed (rules 11 and 13).
  private mutating func truncate(from index: UInt64) {
    require(
      index > commit || mutant != nil,
      "\(id): entry \(index) is committed, up to \(commit), and was to be removed")
    guard index > log.before.index else { return }
    log.truncate(from: index)
    durable = min(durable, index - 1)
    verified = min(verified, index - 1)
    commit = min(commit, index - 1)
    reportedCommit = min(reportedCommit, commit)
    for place in writes.indices { writes[place].last = min(writes[place].last, index - 1) }
    actions.append(.truncate(from: index))
    if mutant != .membershipOutlivesTruncation, memberships.truncate(from: index) {
      actions.append(.membershipChanged(membership))
    }
  }

  /// Commits what the leader has, as far as this log is known to be the leader's (rule 12).
  private mutating func commit(upTo leaderCommit: UInt64, known: UInt64) {
    let index = min(leaderCommit, known)
    guard index > commit else { return }
    commit = index
    memberships.committed(index)
    reportCommit()
  }

  /// Tells the leader up to where this log is its own, and on disk (rule 6).
  mutating func acknowledge() {
    guard let leader, role == .follower, session > 0 else { return }
    let match = mutant == .acknowledgedBeforeSync ? verified : min(durable, verified)
    send(
      .appendAnswer(AppendAnswer(term: hard.term, session: session, outcome: .matches(match))),
      to: leader)
  }
}
