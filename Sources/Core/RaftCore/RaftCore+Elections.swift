import ClusterModel

/// What a node that stands, or asks whether it would be elected, knows so far.
struct Election: Sendable {
  /// The last answer of each voter.
  var answers: [(node: NodeID, answer: VoteAnswer)] = []
  /// Its own vote is durable.
  var hasOwnVote = false
  /// Asked as one who knows where all logs end.
  var isSurveyed = false

  mutating func note(_ answer: VoteAnswer, from node: NodeID) {
    if let place = answers.firstIndex(where: { $0.node == node }) {
      answers[place].answer = answer
    } else {
      answers.append((node, answer))
    }
  }

  func answer(of node: NodeID) -> VoteAnswer? {
    answers.first { $0.node == node }?.answer
  }
}

extension RaftCore {
  /// Whether this node may lead, but for its doubts about its own log.
  private var mayStand: Bool {
    isElectable && !isFenced && !isStalled && !isInstalling && log.last >= floor
  }

  /// Whether this node is a voter, or is one again if the change that removed it is taken back: until that is committed the
  /// others may need it to have any leader, for its log may be the longest (thesis section 4.2.2).
  private var isElectable: Bool {
    memberships.entries.contains { $0.membership.isVoter(id) }
  }

  /// Whether a leader is at work as far as this node knows (rule 16).
  private var hearsLeader: Bool {
    if role == .leader { return hearsQuorum }
    return leader != nil && now.since(heardFromLeader) < settings.electionTimeout.lowerBound
  }

  /// What this node answers when it is asked where its log ends.
  private var reportedEnd: LogPosition? { log.last >= floor ? log.last : nil }

  mutating func electionTimedOut() {
    // A process that was stopped wakes up to a timer long overdue and a socket full of heartbeats: those first (rule 17).
    if now.since(electionDeadline) > settings.electionTimeout.lowerBound / 2 {
      electionDeadline = now + settings.heartbeatInterval
      return
    }
    resetElectionTimer()
    if leader != nil || role != .follower { follow(nil, in: hard.term) }
    guard mayStand else { return }
    askForPreVotes(isSurveyed: false)
  }

  private mutating func askForPreVotes(isSurveyed: Bool) {
    if role != .preCandidate {
      role = .preCandidate
      actions.append(.roleChanged)
    }
    let answers = election
    election = Election()
    election.isSurveyed = isSurveyed
    for voter in membership.voters where voter != id {
      let request = VoteRequest(
        term: hard.term + 1, last: log.last, isSurveyed: isSurveyed,
        incarnation: answers.answer(of: voter)?.incarnation ?? 0)
      send(.preVote(request), to: voter)
    }
    countPreVotes()
  }

  mutating func receivedPreVote(_ request: VoteRequest, from node: NodeID) {
    let isGranted = !hearsLeader && request.term > hard.term && approves(request)
    let answer = VoteAnswer(
      term: hard.term, electionTerm: request.term, isGranted: isGranted, last: reportedEnd,
      incarnation: incarnation)
    send(.preVoteAnswer(answer), to: node)
  }

  /// Whether a candidate's log is good enough for this node's vote (Raft section 5.4.1).
  private func approves(_ request: VoteRequest) -> Bool {
    if mutant == .votesForShorterLog { return true }
    guard request.last >= log.last, request.last >= floor else { return false }
    if !isUncertain || mutant == .tornNodeVotes { return true }
    // What it told in an earlier life says nothing of what it has lost since.
    return request.isSurveyed && request.incarnation == incarnation
  }

  mutating func receivedPreVoteAnswer(_ answer: VoteAnswer, from node: NodeID) {
    if mutant == .preVotesCountedAsVotes, role == .candidate {
      return receivedVoteAnswer(answer, from: node)
    }
    guard role == .preCandidate, answer.electionTerm == hard.term + 1 else { return }
    election.note(answer, from: node)
    countPreVotes()
  }

  private mutating func countPreVotes() {
    let others = membership.voters.filter { $0 != id }
    let granted = others.count { election.answer(of: $0)?.isGranted == true }
    let isSurveyed =
      election.isSurveyed
      || others.allSatisfy { voter in
        guard let end = election.answer(of: voter)?.last else { return false }
        return end <= log.last
      }
    if isUncertain, !isSurveyed, mutant != .tornNodeVotes { return }
    let own = membership.isVoter(id) ? 1 : 0
    if granted + own >= membership.quorum {
      stand(isTransfer: false, isSurveyed: isSurveyed)
    } else if isSurveyed, !election.isSurveyed {
      // Enough for those that hold back because they may have lost something (rule 32).
      askForPreVotes(isSurveyed: true)
    }
  }

  private mutating func stand(isTransfer: Bool, isSurveyed: Bool) {
    role = .candidate
    leader = nil
    failAskedReads()
    let answers = election
    election = Election()
    resetElectionTimer()
    save(HardState(term: hard.term + 1, vote: id))
    verified = 0
    session = 0
    actions.append(.roleChanged)
    for voter in membership.voters where voter != id {
      let request = VoteRequest(
        term: hard.term, last: log.last, isTransfer: isTransfer, isSurveyed: isSurveyed,
        incarnation: answers.answer(of: voter)?.incarnation ?? 0)
      send(.vote(request), to: voter)
    }
    if savesPending == 0 { countOwnVote() }
  }

  /// Its own vote counts once it is durable, as any other.
  mutating func countOwnVote() {
    guard role == .candidate, hard.vote == id else { return }
    election.hasOwnVote = true
    countVotes()
  }

  mutating func receivedVote(_ request: VoteRequest, from node: NodeID) {
    // Whoever hears from a leader does not help to depose it (thesis section 4.2.3); a leader hands over to members only.
    let isTransfer = request.isTransfer && !isStranger(node)
    if hearsLeader, !isTransfer, request.term > hard.term { return }
    var isGranted = false
    if request.term > hard.term {
      // Term and vote are one write.
      isGranted = approves(request)
      follow(nil, in: request.term, vote: isGranted ? node : nil)
    } else if request.term == hard.term, hard.vote == nil || hard.vote == node,
      approves(request)
    {
      isGranted = true
      if hard.vote == nil { save(HardState(term: hard.term, vote: node)) }
      if role == .preCandidate { follow(nil, in: hard.term) }
    }
    if isGranted { resetElectionTimer() }
    let answer = VoteAnswer(
      term: hard.term, electionTerm: request.term, isGranted: isGranted, last: reportedEnd,
      incarnation: incarnation)
    send(.voteAnswer(answer), to: node)
  }

  mutating func receivedVoteAnswer(_ answer: VoteAnswer, from node: NodeID) {
    guard role == .candidate else { return }
    let isCurrent =
      answer.electionTerm == hard.term || mutant == .staleVotesCounted
      || mutant == .preVotesCountedAsVotes
    guard isCurrent else { return }
    election.note(answer, from: node)
    countVotes()
  }

  private mutating func countVotes() {
    let granted = membership.voters.count { voter in
      voter == id ? election.hasOwnVote : election.answer(of: voter)?.isGranted == true
    }
    if granted >= membership.quorum { lead() }
  }

  private mutating func lead() {
    role = .leader
    leader = id
    firstOfTerm = log.lastIndex + 1
    round = 0
    progress = membership.all.filter { $0 != id }.map { node in
      Progress(node, next: log.lastIndex + 1, session: nextSession(), at: now)
    }
    if membership.voters == [id], durable == log.lastIndex {
      // In a group of one what is on its disk is on a majority's, whoever wrote it; it need not wait for an entry of this term.
      commit = max(commit, durable)
      memberships.committed(commit)
      reportCommit()
    }
    // A log that its owner may have cut short is the log now: those that could know better have agreed.
    log.append(count: 1, term: hard.term)
    let ticket = nextTicket(last: log.lastIndex)
    actions.append(.roleChanged)
    actions.append(.writeNoOperation(index: log.lastIndex, term: hard.term, ticket: ticket))
    beat()
    nextCheck = nextHeartbeat
    for follower in progress { actions.append(.replicate(to: follower.node)) }
  }

  mutating func nextSession() -> UInt64 {
    lastSession += 1
    return lastSession
  }

  // MARK: Handing over

  mutating func beginTransfer(to node: NodeID) {
    guard role == .leader, node != id, membership.isVoter(node) else { return }
    transfer = (node, now + settings.electionTimeout.lowerBound)
    finishTransfer()
  }

  /// Sends the successor off once it has all of the log.
  mutating func finishTransfer() {
    guard let transfer, let follower = progress.first(where: { $0.node == transfer.to }),
      follower.match == log.lastIndex
    else { return }
    send(.timeoutNow(term: hard.term), to: transfer.to)
  }

  /// Lets the voter that has most of the log stand at once; for a leader that cannot wait.
  mutating func handOver() {
    let voters = progress.filter { membership.isVoter($0.node) }
    guard let best = voters.max(by: { $0.match < $1.match }), best.match >= commit else { return }
    send(.timeoutNow(term: hard.term), to: best.node)
  }

  mutating func receivedTimeoutNow(from node: NodeID) {
    guard role == .follower, mayStand, !isUncertain else { return }
    stand(isTransfer: true, isSurveyed: false)
  }
}
