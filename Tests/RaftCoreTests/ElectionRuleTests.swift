import ClusterModel
import RaftCore
import Testing

/// The rules of elections, by their numbers; each test fails without its rule.
@Suite struct ElectionRuleTests {
  private let n1 = Lab.node(1)
  private let n2 = Lab.node(2)
  private let n3 = Lab.node(3)

  /// What is on its way from one node to another.
  private func letters(_ lab: Lab, from: NodeID, to: NodeID) -> [Message] {
    lab.letters.filter { $0.from == from && $0.to == to }.map(\.message)
  }

  private func vote(_ term: UInt64, _ last: LogPosition = .start, isTransfer: Bool = false)
    -> Message
  {
    .vote(VoteRequest(term: term, last: last, isTransfer: isTransfer))
  }

  private func isVote(_ message: Message, granted: Bool, term: UInt64) -> Bool {
    guard case .voteAnswer(let answer) = message else { return false }
    return answer.isGranted == granted && answer.term == term
  }

  @Test func `rule 1: nothing is sent before term and vote are on disk`() {
    var lab = Lab(voters: 3)
    lab.hold(1, true)
    lab.handle(1, .received(vote(5), from: n2))
    #expect(lab[1].hard == HardState(term: 5, vote: n2))
    #expect(letters(lab, from: n1, to: n2).isEmpty)
    #expect(lab.desks[0].disk.jobs.count == 1, "term and vote are one write")
    lab.hold(1, false)
    #expect(letters(lab, from: n1, to: n2).contains { isVote($0, granted: true, term: 5) })
    #expect(lab.desks[0].disk.hard == HardState(term: 5, vote: n2))
  }

  @Test func `rule 1: a node that comes back votes for nobody else in the term`() {
    var lab = Lab(voters: 3)
    lab.handle(1, .received(vote(5), from: n2))
    lab.crash(1)
    lab.start(1)
    lab.handle(1, .received(vote(5), from: n3))
    #expect(letters(lab, from: n1, to: n3).contains { isVote($0, granted: false, term: 5) })
  }

  @Test func `rule 3: the vote is kept when a node steps back within a term`() {
    var lab = Lab(voters: 3)
    lab.handle(1, .received(vote(5), from: n2))
    let heartbeat = Heartbeat(term: 5, commit: 0, round: 1)
    lab.handle(1, .received(.heartbeat(heartbeat), from: n2))
    lab.timeout(1)
    #expect(lab[1].role == .preCandidate && lab[1].hard.vote == n2)
    lab.handle(1, .received(vote(5), from: n3))
    #expect(letters(lab, from: n1, to: n3).allSatisfy { !isVote($0, granted: true, term: 5) })
  }

  @Test func `rule 4: an answer carries the term after the question, old answers count nothing`() {
    var lab = Lab(voters: 3)
    lab.handle(1, .received(vote(5), from: n2))
    lab.handle(1, .received(vote(3), from: n3))
    #expect(letters(lab, from: n1, to: n3).contains { isVote($0, granted: false, term: 5) })

    var other = Lab(voters: 5)
    other.timeout(1)
    for node in [2, 3] { other.handle(1, preVoteYes(1, from: node)) }
    #expect(other[1].role == .candidate && other[1].hard.term == 1)
    other.timeout(1)
    for node in [2, 3] { other.handle(1, preVoteYes(2, from: node)) }
    #expect(other[1].role == .candidate && other[1].hard.term == 2)
    for node in [2, 3] {
      let answer = VoteAnswer(term: 1, electionTerm: 1, isGranted: true, last: .start)
      other.handle(1, .received(.voteAnswer(answer), from: Lab.node(node)))
      // The same with the new term, but about the old election.
      let late = VoteAnswer(term: 2, electionTerm: 1, isGranted: true, last: .start)
      other.handle(1, .received(.voteAnswer(late), from: Lab.node(node)))
    }
    #expect(other[1].role == .candidate)
  }

  private func preVoteYes(_ term: UInt64, from node: Int) -> Event {
    let answer = VoteAnswer(term: term - 1, electionTerm: term, isGranted: true, last: .start)
    return .received(.preVoteAnswer(answer), from: Lab.node(node))
  }

  @Test(arguments: [
    (LogPosition(term: 1, index: 9), false), (LogPosition(term: 2, index: 2), false),
    (LogPosition(term: 2, index: 3), true), (LogPosition(term: 3, index: 1), true),
  ])
  func `rule 5: a vote goes only to a log that is not behind, by term first`(
    _ last: LogPosition, _ isGranted: Bool
  ) {
    var lab = Lab(voters: 3)
    lab.elect(2)
    lab.elect(3)
    lab.run(nanoseconds: 1_000_000_000)
    while lab[1].log.last < LogPosition(term: 2, index: 3) {
      let leader = (1...3).first { lab[$0].role == .leader } ?? 0
      lab.propose(leader)
      lab.deliver()
    }
    var core = RaftCore(
      n1, start: start(log: LogPosition(term: 2, index: 3)), random: SeededRandom(seed: 1),
      at: lab.now)
    let actions =
      core.handle(.received(vote(9, last), from: n2), at: lab.now)
      + core.handle(.hardStateSaved, at: lab.now)
    let answers = actions.compactMap { action -> Bool? in
      guard case .send(.voteAnswer(let answer), _) = action else { return nil }
      return answer.isGranted
    }
    #expect(answers == [isGranted])
  }

  private func start(log last: LogPosition, isUncertain: Bool = false) -> RaftCore.Start {
    var log = LogTerms()
    log.append(count: last.index, term: last.term)
    return RaftCore.Start(
      hard: HardState(term: last.term), log: log,
      memberships: [MembershipEntry(index: 0, membership: Membership(voters: [n1, n2, n3]))],
      commit: 0, isUncertain: isUncertain)
  }

  @Test func `rule 15: a pre-vote changes nothing at those who answer it`() {
    var lab = Lab(voters: 3)
    let (hard, deadline) = (lab[2].hard, lab[2].deadline)
    lab.timeout(1)
    lab.deliver { $0.to == n2 }
    #expect(lab[2].hard == hard && lab[2].deadline == deadline)
    #expect(lab.desks[1].disk.jobs.isEmpty)
  }

  @Test func `rule 15: a node behind in terms is answered with the term, and catches up`() {
    var lab = Lab(voters: 3)
    lab.handle(2, .received(vote(7), from: n3))
    lab.timeout(1)
    lab.deliver { $0.from == n1 && $0.to == n2 || $0.from == n2 && $0.to == n1 }
    #expect(lab[1].hard.term == 7)
  }

  @Test func `rule 15: pre-votes are not votes`() {
    var lab = Lab(voters: 5)
    lab.hold(1, true)
    lab.timeout(1)
    for node in 2...5 { lab.handle(1, preVoteYes(1, from: node)) }
    lab.hold(1, false)
    #expect(lab[1].role == .candidate)
    for node in 2...5 { lab.handle(1, preVoteYes(1, from: node)) }
    #expect(lab[1].role == .candidate)
  }

  @Test func `rule 15: one that led, and lost touch, is elected again`() {
    var lab = Lab(voters: 3)
    lab.elect(1)
    lab.cutOff = [n1, n2, n3]
    lab.run(nanoseconds: 500_000_000)
    #expect((1...3).allSatisfy { lab[$0].role != .leader })
    lab.cutOff = []
    lab.letters = []
    lab.timeout(1)
    lab.deliver()
    #expect(lab[1].role == .leader)
  }

  @Test func `rule 16: a leader that hears no majority for an election timeout steps down`() {
    var lab = Lab(voters: 3)
    lab.elect(1)
    lab.cutOff = [n1]
    lab.run(nanoseconds: 360_000_000)
    #expect(lab[1].role != .leader && lab[1].hard.term == 1)
  }

  @Test func `rule 16: reads, which make it send heartbeats, do not keep it in office`() {
    var lab = Lab(voters: 3)
    lab.elect(1)
    lab.cutOff = [n1]
    for id in 0..<40 {
      lab.handle(1, .read(id: UInt64(id)))
      lab.run(nanoseconds: 10_000_000)
    }
    #expect(lab[1].role != .leader)
  }

  @Test func `rule 16: who hears a leader helps nobody to depose it`() {
    var lab = Lab(voters: 3)
    lab.elect(1)
    lab.handle(2, .received(vote(9, LogPosition(term: 8, index: 99)), from: n3))
    #expect(lab[2].hard.term == 1)
    lab.handle(1, .received(vote(9, LogPosition(term: 8, index: 99)), from: n3))
    #expect(lab[1].role == .leader && lab[1].hard.term == 1)
    // But for a leader that wants it.
    lab.handle(2, .received(vote(9, LogPosition(term: 8, index: 99), isTransfer: true), from: n3))
    #expect(lab[2].hard == HardState(term: 9, vote: n3))
  }

  @Test func `rule 17: timeouts are drawn anew for each attempt`() {
    var lab = Lab(voters: 3)
    lab.cutOff = [n1]
    var waits: Set<UInt64> = []
    for _ in 0..<20 {
      let before = lab.now
      lab.timeout(1)
      lab.letters = []
      waits.insert(lab[1].deadline.since(before))
    }
    #expect(waits.count > 15)
  }

  @Test func `rule 17: a process that was stopped listens before it stands`() {
    var lab = Lab(voters: 3)
    lab.elect(2)
    lab.now = lab.now + 30_000_000_000
    lab.handle(1, .tick)
    #expect(lab[1].role == .follower && lab.letters.isEmpty)
    // What had come meanwhile.
    let heartbeat = Heartbeat(term: 1, commit: 1, round: 2)
    lab.handle(1, .received(.heartbeat(heartbeat), from: n2))
    lab.now = lab.now + 100_000_000
    lab.handle(1, .tick)
    #expect(lab[1].role == .follower && lab[1].leader == n2)
    // And if nothing had: it stands soon.
    lab.now = lab.now + 30_000_000_000
    lab.handle(1, .tick)
    lab.timeout(1)
    #expect(lab[1].role == .preCandidate)
  }

  @Test func `rule 20: learners and nodes of no group never stand`() {
    var lab = Lab(voters: 3, learners: 1)
    for _ in 0..<5 { lab.timeout(4) }
    #expect(lab[4].role == .follower && lab.letters.isEmpty)
    lab.add(5, Membership(), RaftSettings())
    for _ in 0..<5 { lab.timeout(5) }
    #expect(lab[5].role == .follower && lab.letters.isEmpty)
  }

  @Test func `rule 31: a node whose acknowledged entries are damaged neither stands nor votes`() {
    var start = start(log: LogPosition(term: 2, index: 3), isUncertain: true)
    start.floor = LogPosition(term: 2, index: 8)
    var core = RaftCore(n1, start: start, random: SeededRandom(seed: 1), at: .zero)
    #expect(core.handle(.tick, at: core.deadline).isEmpty)
    let request = VoteRequest(term: 9, last: LogPosition(term: 2, index: 9), isSurveyed: false)
    let actions =
      core.handle(.received(.vote(request), from: n2), at: .zero)
      + core.handle(.hardStateSaved, at: .zero)
    guard case .send(.voteAnswer(let answer), _)? = actions.last else {
      Issue.record("no answer")
      return
    }
    #expect(!answer.isGranted)
    #expect(answer.last == nil, "it must not count as one that has told its log's end")
  }

  @Test func `rule 32: after a torn tail nobody is voted for before all have told their ends`() {
    var lab = Lab(voters: 3)
    lab.elect(1)
    lab.propose(1, 5)
    lab.deliver()
    for node in 1...3 { lab.crash(node) }
    lab.start(1, losing: 3)
    lab.start(2, losing: 1)
    for _ in 0..<5 {
      lab.timeout(2)
      lab.deliver()
    }
    #expect(lab[2].role != .leader, "n3 may have entries that both lost")
    lab.start(3)
    lab.run(nanoseconds: 3_000_000_000)
    #expect((1...3).allSatisfy { lab[$0].log.lastIndex >= 7 && !lab[$0].isUncertain })
    #expect(lab[3].log.term(at: 6) == 1)
  }

  @Test func `rule 32: a confirmed log is one that has an entry committed in the leader's term`() {
    var lab = Lab(voters: 3)
    lab.elect(1)
    lab.propose(1, 5)
    lab.deliver()
    lab.crash(2)
    lab.start(2, losing: 2)
    #expect(lab[2].isUncertain)
    lab.cutOff = [n3]
    lab.propose(1)
    lab.run(nanoseconds: 200_000_000)
    #expect(!lab[2].isUncertain && lab[2].log.lastIndex == 7)
  }
}
