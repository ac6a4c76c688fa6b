import ClusterModel
import RaftCore
import Testing

/// What a node takes from one that is no member, or that claims what no member can.
@Suite struct StrangerTests {
  private let n1 = Lab.node(1)
  private let n2 = Lab.node(2)
  private let n9 = Lab.node(9)

  private func heartbeat(_ term: UInt64) -> Message {
    .heartbeat(Heartbeat(term: term, commit: 0, round: 1))
  }

  /// One entry behind the others' end.
  private func append(_ term: UInt64, behind previous: LogPosition) -> Message {
    let run = TermRun(term: term, count: 1)
    return .append(
      AppendRequest(term: term, session: 1, previous: previous, runs: [run], commit: 0))
  }

  /// Three nodes, of which n1 leads.
  private func led() -> Lab {
    var lab = Lab(voters: 3)
    lab.elect(1)
    lab.lines.removeAll()
    return lab
  }

  @Test func `a stranger that claims the leader's term, or a later one, is not heeded`() {
    var lab = led()
    let (term, last) = (lab[1].hard.term, lab[1].log.last)
    for number in 1...3 {
      for claimed in [term, term + 1] {
        let part = ImagePart(
          term: claimed, session: 1, position: LogPosition(term: claimed, index: 99), start: 0,
          isLast: true)
        let messages = [
          heartbeat(claimed), append(claimed, behind: last), .image(part),
          .timeoutNow(term: claimed), .readIndex(ReadQuestion(term: claimed, id: 1)),
          .heartbeatAnswer(HeartbeatAnswer(term: claimed, round: 1)),
          .voteAnswer(
            VoteAnswer(term: claimed, electionTerm: claimed, isGranted: true, last: .start)),
        ]
        for message in messages { lab.handle(number, .received(message, from: n9)) }
      }
      #expect(lab[number].hard.term == term && lab[number].leader == n1)
      #expect(lab[number].log.last == last)
      #expect(lab.lines.count { $0 == "n\(number) drops what n9 says: stranger" } == 14)
    }
    #expect(lab.letters.isEmpty)
  }

  @Test func `a stranger's vote deposes no leader, also one that says the leader asked for it`() {
    var lab = led()
    let term = lab[1].hard.term
    let request = VoteRequest(term: term + 1, last: lab[1].log.last, isTransfer: true)
    for number in 1...3 {
      lab.handle(number, .received(.vote(request), from: n9))
      #expect(lab[number].hard.term == term && lab[number].leader == n1)
    }
    lab.handle(2, .received(.vote(request), from: Lab.node(3)))
    #expect(lab[2].hard == HardState(term: term + 1, vote: Lab.node(3)), "of a member it is true")
  }

  @Test func `without a leader a stranger gets a vote: the others may need it`() {
    var lab = Lab(voters: 3)
    lab.handle(1, .received(.vote(VoteRequest(term: 5, last: .start)), from: n9))
    #expect(lab[1].hard == HardState(term: 5, vote: n9))
  }

  @Test func `one message does not use up the terms, whoever sends it`() {
    let far: UInt64 = 1 << 62 - 2
    for role in ["with", "without"] {
      var lab = role == "with" ? led() : Lab(voters: 3)
      let term = lab[1].hard.term
      for sender in [n2, n9] {
        let vote = VoteRequest(term: far, last: LogPosition(term: far, index: 9), isTransfer: true)
        for message in [heartbeat(far), .vote(vote), .preVote(vote), append(far, behind: .start)] {
          lab.handle(1, .received(message, from: sender))
        }
      }
      #expect(lab[1].hard.term == term)
      #expect(lab.letters.isEmpty)
    }
    var lab = led()
    let term = lab[2].hard.term
    lab.handle(2, .received(heartbeat(term + 1 << 32), from: n1))
    #expect(lab[2].hard.term == term + 1 << 32, "so far a member may be ahead")
  }

  @Test func `a member that says it leads the leader's term is not heeded`() {
    var lab = led()
    let (term, last) = (lab[1].hard.term, lab[1].log.last)
    lab.handle(1, .received(heartbeat(term), from: n2))
    lab.handle(1, .received(append(term, behind: last), from: n2))
    #expect(lab[1].role == .leader && lab[1].log.last == last)
    #expect(lab.lines == Array(repeating: "n1 drops what n2 says: secondLeader", count: 2))
  }

  @Test func `who is no member yet takes entries from a leader that it does not know`() {
    var lab = led()
    lab.add(4, Membership(), RaftSettings())
    lab.handle(4, .received(append(3, behind: .start), from: n9))
    #expect(lab[4].leader == n9 && lab[4].log.lastIndex == 1)
  }

  @Test func `who was away while all others were replaced follows those that it does not know`() {
    var lab = Lab(voters: 3)
    lab.now = lab.now + 5_000_000_000
    lab.handle(1, .received(append(3, behind: .start), from: n9))
    #expect(lab[1].leader == nil && lab[1].hard.term == 0, "an election takes so long")
    lab.now = lab.now + 2_000_000_000
    lab.handle(1, .received(append(3, behind: .start), from: n9))
    #expect(lab[1].leader == n9 && lab[1].log.lastIndex == 1)
    lab.handle(1, .received(append(3, behind: LogPosition(term: 3, index: 1)), from: n9))
    #expect(lab[1].log.lastIndex == 2)
    lab.handle(1, .received(heartbeat(4), from: Lab.node(8)))
    #expect(lab[1].leader == n9, "there is a leader")
  }
}
