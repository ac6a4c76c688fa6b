import ClusterModel
import RaftCore
import Testing

/// The rules of replication, commit and reads, by their numbers; each test fails without its rule.
@Suite struct ReplicationRuleTests {
  private let n1 = Lab.node(1)
  private let n2 = Lab.node(2)
  private let n3 = Lab.node(3)

  private func led(_ voters: Int = 3) -> Lab {
    var lab = Lab(voters: voters)
    lab.elect(1)
    return lab
  }

  private func matches(_ lab: Lab, from: NodeID) -> [UInt64] {
    lab.letters.compactMap { letter in
      guard letter.from == from, case .appendAnswer(let answer) = letter.message,
        case .matches(let index) = answer.outcome
      else { return nil }
      return index
    }
  }

  @Test func `rule 6: a follower answers for what is on its disk`() {
    var lab = led()
    lab.hold(2, true)
    lab.propose(1, 3)
    lab.deliver { $0.to == n2 }
    #expect(lab[2].log.lastIndex == 4 && matches(lab, from: n2).allSatisfy { $0 <= 1 })
    lab.hold(2, false)
    #expect(matches(lab, from: n2).last == 4)
  }

  @Test func `rule 7: the leader counts itself up to its own disk`() {
    var lab = led()
    lab.crash(3)
    lab.hold(1, true)
    lab.propose(1, 3)
    lab.deliver()
    #expect(lab[1].commit == 1)
    lab.hold(1, false)
    #expect(lab[1].commit == 4)
  }

  @Test func `rule 7: a majority commits without the leader's disk, which tells when it has it`() {
    var lab = led()
    lab.hold(1, true)
    lab.propose(1, 3)
    lab.deliver()
    #expect(lab[1].commit == 4 && lab.desks[0].committed == 1)
    lab.hold(1, false)
    #expect(lab.desks[0].committed == 4)
  }

  @Test func `rule 8: a leader whose disk failed is none any more, and takes no part`() {
    var lab = led()
    lab.handle(1, .diskFailed)
    #expect(lab[1].role == .follower && !lab[1].canPropose)
    lab.deliver()
    #expect(lab[2].role == .leader || lab[3].role == .leader)
    lab.run(nanoseconds: 2_000_000_000)
    #expect(lab[1].hard.term == 1, "it hears nothing")
    #expect(lab[1].log.lastIndex == 1)
  }

  @Test func `rule 9: an entry of an earlier term is not committed by counting`() {
    var lab = led(5)
    lab.cutOff = [Lab.node(3), Lab.node(4), Lab.node(5)]
    lab.propose(1)
    lab.deliver()
    #expect(lab[2].log.lastIndex == 2 && lab[2].commit == 1)
    lab.crash(1)
    lab.cutOff = []
    lab.run(nanoseconds: 450_000_000)
    // n2 alone of those that are left has entry 2: it leads, and holds its no-op back here.
    lab.timeout(2)
    lab.maxEntries = 1
    lab.hold(2, true)
    lab.deliver { letter in
      guard case .append(let request) = letter.message else { return true }
      return request.lastIndex <= 2
    }
    if lab[2].role == .leader { #expect(lab[2].commit < 2) }
    lab.hold(2, false)
    lab.maxEntries = .max
    lab.run(nanoseconds: 2_000_000_000)
    let leader = (2...5).first { lab[$0].role == .leader }
    #expect(leader != nil && lab[leader ?? 2].commit >= 2)
  }

  @Test func `rule 10: a new leader appends at once, and a single voter commits that itself`() {
    var lab = Lab(voters: 1)
    lab.timeout(1)
    #expect(lab[1].role == .leader && lab[1].log.last == LogPosition(term: 1, index: 1))
    #expect(lab[1].commit == 1)
  }

  @Test func `rule 10: no read and no change of members before an entry of the term is committed`()
  {
    var lab = Lab(voters: 3)
    lab.timeout(1)
    lab.deliver { letter in
      if case .append = letter.message { false } else { true }
    }
    #expect(lab[1].role == .leader)
    #expect(lab[1].commit == 0)
    lab.handle(1, .read(id: 1))
    lab.deliver { letter in
      if case .append = letter.message { false } else { true }
    }
    #expect(lab.desks[0].reads[1] == nil)
    #expect(throws: RaftRefusal.notReady) {
      try lab[1].check(change: Membership(voters: [n1, n2]))
    }
    lab.deliver()
    #expect(lab.desks[0].reads[1] == .some(1))
  }

  @Test func `rule 11: a short and late AppendEntries removes nothing`() {
    var lab = led()
    lab.propose(1, 3)
    let early = AppendRequest(
      term: 1, session: 1, previous: LogPosition(term: 1, index: 1),
      runs: [TermRun(term: 1, count: 1)], commit: 1)
    lab.deliver()
    #expect(lab[2].log.lastIndex == 4)
    lab.handle(2, .received(.append(early), from: n1))
    #expect(lab[2].log.lastIndex == 4)
  }

  @Test func `rule 12: a follower commits no further than what this message vouches for`() {
    var lab = led()
    // n2 has entries of a leader of term 1 that nobody else has.
    lab.cutOff = [n3]
    lab.hold(1, true)
    lab.propose(1, 3)
    lab.deliver { $0.to == n2 }
    #expect(lab[2].log.lastIndex == 4)
    lab.letters = []
    let other = AppendRequest(
      term: 9, session: 1, previous: LogPosition(term: 1, index: 1), commit: 4)
    lab.handle(2, .received(.append(other), from: n3))
    #expect(lab[2].commit == 1)
  }

  @Test func `rule 13: what is committed is never removed`() async {
    await #expect(processExitsWith: .failure) {
      var lab = Lab(voters: 3)
      lab.elect(1)
      lab.propose(1, 3)
      lab.deliver()
      let wrong = AppendRequest(
        term: 9, session: 1, previous: LogPosition(term: 1, index: 1),
        runs: [TermRun(term: 8, count: 1)], commit: 1)
      lab.handle(2, .received(.append(wrong), from: Lab.node(3)))
    }
  }

  @Test func `rule 14: an answer to an earlier attempt changes nothing`() {
    var lab = led()
    lab.propose(1, 3)
    lab.deliver()
    lab.handle(1, .disconnected(n2))
    let late = AppendAnswer(term: 1, session: 1, outcome: .matches(2))
    lab.handle(1, .received(.appendAnswer(late), from: n2))
    lab.deliver()
    #expect(lab[1].followers.first { $0.node == n2 }?.match == 4)
    lab.handle(1, .received(.appendAnswer(late), from: n2))
    #expect(lab[1].followers.first { $0.node == n2 }?.match == 4)
  }

  @Test func `rule 14: a follower that lost what it had acknowledged gets it again`() {
    var lab = led()
    lab.propose(1, 5)
    lab.deliver()
    lab.crash(2)
    lab.start(2, losing: 4)
    lab.propose(1)
    lab.run(nanoseconds: 200_000_000)
    #expect(lab[2].log.lastIndex == 7 && !lab[2].isUncertain)
  }

  @Test func `rule 18: a read waits for a majority that was asked after it came`() {
    var lab = led()
    lab.letters = []
    lab.cutOff = [n1]
    lab.handle(1, .read(id: 1))
    lab.deliver()
    // A late answer to a heartbeat of before.
    let old = HeartbeatAnswer(term: 1, round: 1)
    lab.handle(1, .received(.heartbeatAnswer(old), from: n2))
    #expect(lab.desks[0].reads[1] == nil)
    lab.run(nanoseconds: 400_000_000)
    #expect(lab.desks[0].reads[1] == .some(nil), "it failed when leadership ended")
  }

  @Test func `rule 18: a follower's read has the leader's commit index`() {
    var lab = led()
    lab.propose(1, 4)
    lab.deliver()
    lab.handle(3, .read(id: 5))
    lab.deliver()
    #expect(lab.desks[2].reads[5] == .some(5))
  }

  @Test func `rule 18: a question to the leader that was lost is asked again`() {
    var lab = led()
    lab.propose(1, 4)
    lab.deliver()
    lab.handle(3, .read(id: 5))
    lab.letters.removeAll()
    lab.run(nanoseconds: 250_000_000)
    #expect(lab.desks[2].reads[5] == nil)
    lab.run(nanoseconds: 100_000_000)
    #expect(lab.desks[2].reads[5] == .some(5))
  }

  @Test func `rule 19: one voter at a time, and one change at a time`() throws {
    var lab = led()
    #expect(throws: RaftRefusal.notOneStep) {
      try lab[1].check(change: Membership(voters: [n1]))
    }
    lab.cutOff = [n2, n3]
    try lab.change(1, to: Membership(voters: [n1, n2]))
    #expect(throws: RaftRefusal.changeInProgress) {
      try lab[1].check(change: Membership(voters: [n1, n2, n3]))
    }
    // Its own entry needs the new majority, both of two.
    lab.deliver()
    #expect(lab[1].commit == 1)
  }

  @Test func `rule 19: a membership goes with the entry that brought it`() throws {
    var lab = led()
    lab.cutOff = [n1]
    try lab.change(1, to: Membership(voters: [n1, n2]))
    #expect(lab[1].membership.voters == [n1, n2])
    lab.run(nanoseconds: 1_500_000_000)
    let leader = lab[2].role == .leader ? 2 : 3
    #expect(lab[leader].role == .leader)
    lab.cutOff = []
    lab.run(nanoseconds: 500_000_000)
    #expect(lab[1].membership.voters == [n1, n2, n3])
  }

  @Test func `rule 21: an image takes the place of the log, and replication goes on behind it`() {
    var lab = led()
    lab.propose(1, 9)
    lab.crash(3)
    lab.deliver()
    lab.handle(1, .compacted(through: 8))
    lab.start(3)
    lab.handle(1, .disconnected(n3))
    lab.deliver()
    #expect(lab.lines.contains("n1 must send an image to n3"))
    let position = LogPosition(term: 1, index: 8)
    #expect(lab[3].log.lastIndex == 10 && lab[3].log.before == position)
    #expect(lab[1].followers.contains { $0.node == n3 && $0.match == 10 })
  }

  @Test func `rule 21: a node that has what an image stands for keeps its log`() {
    var lab = led()
    lab.propose(1, 9)
    lab.deliver()
    let part = ImagePart(
      term: 1, session: 99, position: LogPosition(term: 1, index: 8), start: 0, isLast: true)
    lab.handle(3, .received(.image(part), from: n1))
    #expect(lab[3].log.before == .start && lab[3].log.lastIndex == 10)
  }

  @Test func `rule 21: while an image is being written a node takes no entries and does not stand`()
  {
    var lab = led()
    lab.propose(1, 2)
    lab.deliver()
    lab.cutOff = [n3]
    lab.handle(3, .installing)
    let request = AppendRequest(
      term: 1, session: 99, previous: LogPosition(term: 1, index: 3),
      runs: [TermRun(term: 1, count: 1)], commit: 3)
    lab.handle(3, .received(.append(request), from: n1))
    #expect(lab[3].log.lastIndex == 3)
    lab.run(nanoseconds: 3_000_000_000)
    #expect(lab[3].role == .follower)
    lab.handle(3, .imageFailed)
    lab.run(nanoseconds: 3_000_000_000)
    #expect(lab[3].role == .preCandidate)
  }

  @Test func `an image that gets no answer is sent again, under another session`() {
    var lab = led()
    lab.propose(1, 9)
    lab.crash(3)
    lab.deliver()
    lab.handle(1, .compacted(through: 8))
    lab.cutOff = [n3]
    lab.start(3)
    lab.handle(1, .disconnected(n3))
    lab.run(nanoseconds: 5_000_000_000)
    #expect(lab.lines.count { $0 == "n1 must send an image to n3" } >= 2)
  }

  @Test func `rule 22: what is applied is committed, and never goes back`() {
    var lab = led()
    lab.hold(2, true)
    lab.propose(1, 3)
    lab.deliver()
    #expect(lab[1].commit == 4 && lab[2].commit <= 4 && lab.desks[1].committed == 1)
    lab.hold(2, false)
    lab.run(nanoseconds: 60_000_000)
    #expect(lab.desks[1].committed == 4)
  }

  @Test func `a window bounds what is on its way to a follower`() {
    var settings = RaftSettings()
    settings.windowMessages = 4
    var lab = Lab(voters: 3, settings: settings)
    lab.maxEntries = 1
    lab.elect(1)
    lab.letters = []
    lab.propose(1, 50)
    let appends = lab.letters.filter { letter in
      if case .append = letter.message { letter.to == n2 } else { false }
    }
    #expect(appends.count == 4)
    lab.deliver()
    #expect(lab[2].log.lastIndex == 51)
  }

  @Test func `a follower far away is found in a few steps, whatever its log`() {
    var lab = led(5)
    lab.cutOff = [n1]
    for _ in 0..<3 { lab.propose(1, 50) }
    lab.run(nanoseconds: 1_500_000_000)
    let leader = (2...5).first { lab[$0].role == .leader } ?? 2
    lab.propose(leader, 500)
    lab.deliver()
    lab.cutOff = []
    lab.lines = []
    lab.run(nanoseconds: 400_000_000)
    #expect(lab[1].log == lab[leader].log)
    let conflicts = lab.lines.count { $0.contains("conflict") }
    #expect(conflicts <= 3, "\(conflicts) conflicts")
  }

  @Test func `a disk that hangs hands leadership over`() {
    var lab = led()
    lab.propose(1)
    lab.handle(1, .diskStalled(true))
    lab.deliver()
    #expect(lab[1].role == .follower && lab[1].leader != nil && lab[1].leader != n1)
    for _ in 0..<3 { lab.timeout(1) }
    #expect(lab[1].role == .follower)
  }
}
