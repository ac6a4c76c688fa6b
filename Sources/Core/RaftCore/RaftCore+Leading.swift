package import ClusterModel

extension RaftCore {
  // MARK: Time

  mutating func leaderTick() {
    if now >= nextHeartbeat { beat() }
    guard now >= nextCheck else { return }
    nextCheck = now + settings.heartbeatInterval
    guard hearsQuorum else {
      // A majority may follow somebody else by now (rule 16).
      return follow(nil, in: hard.term)
    }
    if let transfer, now >= transfer.deadline { self.transfer = nil }
    for place in progress.indices { encourage(place) }
  }

  /// Whether a majority was heard within one election timeout.
  var hearsQuorum: Bool {
    let heard = membership.voters.count { voter in
      guard voter != id else { return true }
      guard let follower = progress.first(where: { $0.node == voter }) else { return false }
      return now.since(follower.lastHeard) < settings.electionTimeout.lowerBound
    }
    return heard >= membership.quorum
  }

  mutating func beat() {
    round += 1
    nextHeartbeat = now + settings.heartbeatInterval
    for follower in progress { sendHeartbeat(to: follower) }
    if membership.voters == [id] { confirmReads() }
  }

  private mutating func sendHeartbeat(to follower: Progress) {
    let heartbeat = Heartbeat(
      term: hard.term, commit: min(commit, follower.match), round: round)
    send(.heartbeat(heartbeat), to: follower.node)
  }

  /// What was sent may be lost: after a while it is sent again.
  private mutating func encourage(_ place: Int) {
    let waited = now.since(progress[place].lastAdvance)
    switch progress[place].state {
    case .probing:
      if progress[place].isPaused, waited > settings.electionTimeout.lowerBound {
        progress[place].isPaused = false
      }
    case .replicating:
      if !progress[place].inFlight.isEmpty, waited > 2 * settings.electionTimeout.upperBound {
        restart(place, next: progress[place].match + 1)
      }
    case .receivingImage:
      // Time enough to write it.
      if waited > 4 * settings.electionTimeout.upperBound {
        restart(place, next: progress[place].next)
      }
    }
    askToReplicate(place)
  }

  // MARK: Sending

  private mutating func restart(_ place: Int, next: UInt64) {
    let session = nextSession()
    progress[place].restart(next: max(1, next), session: session, at: now)
  }

  mutating func disconnected(_ node: NodeID) {
    guard role == .leader, let place = place(of: node) else { return }
    let isImage = progress[place].state == .receivingImage
    restart(place, next: isImage ? progress[place].next : progress[place].match + 1)
    askToReplicate(place)
  }

  func place(of node: NodeID) -> Int? {
    // By place: `firstIndex(where:)` would copy each of them.
    progress.indices.first { progress[$0].node == node }
  }

  private mutating func askToReplicate(_ place: Int) {
    let follower = progress[place]
    guard follower.hasRoom(settings),
      follower.state == .probing || follower.next <= log.lastIndex
    else { return }
    actions.append(.replicate(to: follower.node))
  }

  /// What may be sent to `node` now; nil when there is nothing, or no room, or only an image helps.
  package mutating func appendPlan(to node: NodeID) -> (plan: AppendPlan?, actions: [Action]) {
    guard role == .leader, let place = place(of: node) else { return (nil, []) }
    let follower = progress[place]
    guard follower.hasRoom(settings) else { return (nil, []) }
    if mutant == .entriesInPlaceOfImage, follower.next < log.firstIndex {
      progress[place].next = log.firstIndex
      let last = log.lastIndex
      return (
        AppendPlan(to: node, session: follower.session, previous: log.before, last: last), []
      )
    }
    guard let term = log.term(at: follower.next - 1) else {
      // Another session, also behind an image that the log's start has overtaken: that one would be sent again and again.
      restart(place, next: follower.next)
      progress[place].state = .receivingImage
      return (nil, [.sendImage(to: node, session: progress[place].session, start: 0)])
    }
    if follower.state == .replicating, follower.next > log.lastIndex { return (nil, []) }
    let previous = LogPosition(term: term, index: follower.next - 1)
    let plan = AppendPlan(
      to: node, session: follower.session, previous: previous, last: log.lastIndex)
    return (plan, [])
  }

  /// The message for `plan` with the entries up to `last`; nil when it has been overtaken.
  package func appendRequest(_ plan: AppendPlan, through last: UInt64) -> AppendRequest? {
    guard isCurrent(plan), last <= log.lastIndex else { return nil }
    let entries = memberships.entries.filter { $0.index >= plan.first && $0.index <= last }
    return AppendRequest(
      term: hard.term, session: plan.session, previous: plan.previous,
      runs: log.runs(from: plan.first, through: last), memberships: entries, commit: commit)
  }

  private func isCurrent(_ plan: AppendPlan) -> Bool {
    guard role == .leader, let place = place(of: plan.to) else { return false }
    return progress[place].session == plan.session && progress[place].next == plan.first
  }

  mutating func sent(_ plan: AppendPlan, through last: UInt64, bytes: Int) {
    guard isCurrent(plan), let place = place(of: plan.to) else { return }
    if progress[place].state == .probing {
      // One message until it is answered, whatever it carries.
      progress[place].isPaused = true
      progress[place].lastAdvance = now
    } else if last >= plan.first {
      progress[place].sent(through: last, bytes: bytes, at: now)
      askToReplicate(place)
    }
  }

  mutating func proposed(_ count: UInt64, _ entries: [MembershipEntry]) {
    require(role == .leader, "\(id) proposes and does not lead")
    log.append(count: count, term: hard.term)
    _ = nextTicket(last: log.lastIndex)
    for entry in entries {
      memberships.append(entry)
      actions.append(.membershipChanged(entry.membership))
    }
    if !entries.isEmpty { welcome() }
    for place in progress.indices { askToReplicate(place) }
  }

  /// Whether entries behind `durable` may be taken back: nobody but this node, which is a group alone, has seen them. Else
  /// an index of a term would stand for two entries (rule 8).
  package var canWithdraw: Bool {
    role == .leader && progress.isEmpty && membership.all == [id] && durable >= firstOfTerm
  }

  mutating func withdraw(from index: UInt64) {
    require(
      canWithdraw && index > durable && index > commit, "\(id) takes back entry \(index)")
    log.truncate(from: index)
    writes.removeAll { $0.last >= index }
    if memberships.truncate(from: index) { actions.append(.membershipChanged(membership)) }
  }

  // MARK: Answers

  mutating func receivedAppendAnswer(_ answer: AppendAnswer, from node: NodeID) {
    guard role == .leader, let place = place(of: node) else { return }
    progress[place].lastHeard = now
    if answer.session != progress[place].session {
      if mutant == .staleAnswersCounted, case .matches(let index) = answer.outcome {
        progress[place].match = index
        advanceCommit()
        reportCommit()
      }
      return
    }
    switch answer.outcome {
    case .matches(let index):
      guard index <= log.lastIndex else { return }
      progress[place].matched(index, at: now)
      advanceCommit()
      reportCommit()
      if transfer?.to == node { finishTransfer() }
    case .conflict(let previous, let hint):
      disagreed(place, previous: previous, hint: hint)
    }
    // Leadership may have ended with that.
    if let place = self.place(of: node) { askToReplicate(place) }
  }

  private mutating func disagreed(_ place: Int, previous: UInt64, hint: LogPosition) {
    let follower = progress[place]
    guard follower.state != .receivingImage, previous >= 1 else { return }
    if follower.state == .probing, !follower.isPaused || previous != follower.next - 1 { return }
    let agreed = log.lastIndex(
      upTo: min(hint.index, previous - 1), ofTermAtMost: hint.term)
    restart(place, next: agreed + 1)
  }

  mutating func receivedHeartbeatAnswer(_ answer: HeartbeatAnswer, from node: NodeID) {
    guard role == .leader, let place = place(of: node) else { return }
    progress[place].lastHeard = now
    if answer.round > progress[place].round {
      progress[place].round = answer.round
      confirmReads()
    }
  }

  // MARK: Commit

  /// Up to where a member has this log on its disk.
  private func match(of member: NodeID) -> UInt64 {
    guard member == id else { return place(of: member).map { progress[$0].match } ?? 0 }
    return mutant == .leaderCountsItselfEarly ? log.lastIndex : durable
  }

  /// The highest index that a majority has on disk, if it is of this term (rules 7 and 9).
  mutating func advanceCommit() {
    guard role == .leader else { return }
    let membership = membership
    let counted = mutant == .learnersCounted ? membership.all : membership.voters
    // Most answers come when a majority has long had the entry, or has it not yet.
    guard counted.count(where: { match(of: $0) > commit }) >= membership.quorum else { return }
    let matches = counted.map(match).sorted()
    let index = matches[matches.count - membership.quorum]
    guard log.term(at: index) == hard.term || mutant == .oldTermCommittedByCount
    else { return }
    commit = index
    memberships.committed(index)
    for place in progress.indices { progress[place].owesCommit = true }
    afterCommit()
  }

  /// Who is no member any more is not sent anything; a leader that is none, or no voter, leads no more.
  private mutating func afterCommit() {
    guard membershipIndex <= commit else { return }
    let membership = membership
    progress.removeAll { !membership.contains($0.node) }
    if !membership.isVoter(id) {
      reportCommit()
      handOver()
      follow(nil, in: hard.term)
    }
  }

  /// Followers that get no entries now hear of the commit index at once, so that their readers need not wait for a
  /// heartbeat.
  mutating func tellOfCommit() {
    for place in progress.indices where progress[place].owesCommit {
      guard progress[place].state == .replicating, progress[place].next > log.lastIndex,
        progress[place].match >= commit
      else { continue }
      progress[place].owesCommit = false
      sendHeartbeat(to: progress[place])
    }
  }
}
