import ClusterModel
import RaftCore
import Testing

/// Elections around a change of the members; both were found by the simulator, as groups that had no leader any more.
@Suite struct MemberElectionTests {
  private let n1 = Lab.node(1)
  private let n2 = Lab.node(2)
  private let n3 = Lab.node(3)

  @Test func `rule 15: a voter that has heard of no term yet helps to elect`() {
    var log = LogTerms()
    log.append(count: 7, term: 3)
    var core = RaftCore(
      n1,
      start: RaftCore.Start(
        hard: HardState(term: 3), log: log,
        memberships: [MembershipEntry(index: 0, membership: Membership(voters: [n1, n2]))],
        commit: 7),
      random: SeededRandom(seed: 1), at: .zero)
    _ = core.handle(.tick, at: core.deadline)
    #expect(core.role == .preCandidate)
    let old = VoteAnswer(term: 0, electionTerm: 3, isGranted: true, last: .start)
    _ = core.handle(.received(.preVoteAnswer(old), from: n2), at: core.deadline)
    #expect(core.role == .preCandidate, "it is about another election")
    let answer = VoteAnswer(term: 0, electionTerm: 4, isGranted: true, last: .start)
    _ = core.handle(.received(.preVoteAnswer(answer), from: n2), at: core.deadline)
    #expect(core.role == .candidate)
  }

  @Test func `rule 19: who is about to be removed stands as long as the others may need it`() throws
  {
    var lab = Lab(voters: 2)
    lab.elect(1)
    // It removes itself; nobody learns of that, and it is no leader any more.
    lab.cutOff = [n2]
    try lab.change(1, to: Membership(voters: [n2]))
    lab.run(nanoseconds: 1_000_000_000)
    #expect(lab[1].role != .leader && !lab[1].membership.isVoter(n1))
    #expect(lab[1].log.last > lab[2].log.last)
    lab.cutOff = []
    lab.run(nanoseconds: 2_000_000_000)
    #expect(lab[2].role == .leader, "n2 has the entry that makes it the only voter")
    #expect(lab[2].membership.voters == [n2] && lab[2].commit == lab[2].log.lastIndex)
    #expect(lab[1].role != .leader)
  }

  @Test func `rule 19: who is no voter does not count itself`() throws {
    var lab = Lab(voters: 3)
    lab.elect(1)
    lab.cutOff = [n2, n3]
    try lab.change(1, to: Membership(voters: [n2, n3]))
    lab.run(nanoseconds: 1_000_000_000)
    lab.cutOff = [n3]
    while lab[1].role != .preCandidate { lab.timeout(1) }
    lab.deliver()
    #expect(lab[1].role != .leader, "one of two voters")
  }
}
