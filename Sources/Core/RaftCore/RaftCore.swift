package import ClusterModel

/// Raft (Ongaro and Ousterhout, "In search of an understandable consensus algorithm", 2014, and
/// Ongaro's thesis) as a value: events in, actions out. No clock, no disk, no socket, no randomness
/// of its own, and of an entry only index and term.
///
/// Beside the algorithm of the paper: pre-vote and check-quorum (thesis sections 9.6 and 6.2),
/// leadership transfer (3.10), reads by read index (6.4), learners and changes of one voter at a time
/// (4), the leader's disk written while it sends (10.2.1), windows of AppendEntries, and nodes that
/// know that they may have lost acknowledged entries (RAFT-RULES 31 and 32).
///
/// Whoever runs it carries out the actions of each event in their order, and reports writes in the
/// order in which they were asked for.
package struct RaftCore: Sendable {
  /// What a node starts with: what its disk has kept.
  package struct Start: Sendable {
    package var hard: HardState
    package var log: LogTerms
    /// Ascending; the first was in force before the first entry kept. Empty: of no group yet.
    package var memberships: [MembershipEntry]
    /// Up to here entries are known to be committed.
    package var commit: UInt64
    /// An entry known to be committed, which this log may have lost.
    package var floor: LogPosition
    /// Entries that this node acknowledged may be gone from the end of its log.
    package var isUncertain: Bool

    package init(
      hard: HardState, log: LogTerms, memberships: [MembershipEntry], commit: UInt64,
      floor: LogPosition = .start, isUncertain: Bool = false
    ) {
      self.hard = hard
      self.log = log
      self.memberships = memberships
      self.commit = commit
      self.floor = floor
      self.isUncertain = isUncertain
    }
  }

  package let id: NodeID
  package let settings: RaftSettings
  /// Set by the simulator only.
  package var mutant: RaftMutant?

  package internal(set) var hard: HardState
  package internal(set) var role = Role.follower
  package internal(set) var leader: NodeID?
  package internal(set) var log: LogTerms
  /// The entries up to here are committed; they need not be on this node's disk.
  package internal(set) var commit: UInt64
  /// The entries up to here are on this node's disk.
  package internal(set) var durable: UInt64
  /// The number of the last write asked for.
  package internal(set) var lastTicket: UInt64 = 0
  package internal(set) var isUncertain: Bool
  package internal(set) var isFenced = false
  package internal(set) var isStalled = false
  /// An image takes the place of the log.
  package internal(set) var isInstalling = false

  let floor: LogPosition
  /// This life's number; never 0.
  let incarnation: UInt64
  var memberships: MembershipHistory
  var random: SeededRandom
  var now: Instant
  var actions: [Action] = []

  /// Hard states on their way to the disk; until they are there nothing is sent.
  var savesPending = 0
  var held: [(message: Message, to: NodeID)] = []
  /// Writes on their way to the disk, oldest first.
  var writes: [(ticket: UInt64, last: UInt64)] = []
  /// The last `commit` action.
  var reportedCommit: UInt64
  /// The latest moment at which `tick` is due; kept, for it is asked for after each event.
  package private(set) var deadline = Instant.zero

  // Followers and candidates.
  var electionDeadline: Instant
  /// At first, when this node began.
  var heardFromLeader: Instant
  /// This node's log is the leader's up to here.
  var verified: UInt64 = 0
  /// The leader's number for what it sends this node now.
  var session: UInt64 = 0
  var election = Election()
  /// Reads the leader was asked about.
  var askedReads: [AskedRead] = []

  // The leader.
  var progress: [Progress] = []
  var nextHeartbeat = Instant.never
  /// When the leader looks next at whom it hears. Not put off by heartbeats that reads ask for.
  var nextCheck = Instant.never
  var round: UInt64 = 0
  var lastSession: UInt64 = 0
  /// The first index of this leader's term.
  var firstOfTerm: UInt64 = 0
  var reads: [PendingRead] = []
  var transfer: (to: NodeID, deadline: Instant)?

  package init(
    _ id: NodeID, settings: RaftSettings = RaftSettings(), start: Start, random: SeededRandom,
    at now: Instant
  ) {
    require(start.commit <= start.log.lastIndex, "committed beyond the log's end")
    self.id = id
    self.settings = settings
    hard = start.hard
    log = start.log
    commit = max(start.commit, start.log.before.index)
    durable = start.log.lastIndex
    reportedCommit = commit
    isUncertain = start.isUncertain
    floor = start.floor
    let base = start.memberships.first ?? MembershipEntry(index: 0, membership: Membership())
    memberships = MembershipHistory(base)
    for entry in start.memberships.dropFirst() { memberships.append(entry) }
    memberships.committed(commit)
    self.random = random
    incarnation = self.random.next() | 1
    self.now = now
    electionDeadline = now
    heardFromLeader = now
    // A group of one has nobody to wait for.
    if membership.voters != [id] { resetElectionTimer() }
    deadline = nextDeadline
  }

  package var membership: Membership { memberships.current.membership }
  /// The index of the entry that brought the membership in force.
  package var membershipIndex: UInt64 { memberships.current.index }
  /// Whether `proposed` may follow.
  package var canPropose: Bool { role == .leader && transfer == nil && !isFenced }
  /// Whether an entry of the present term is committed: what is before it is, too.
  package var hasCommittedInTerm: Bool { log.term(at: commit) == hard.term }

  package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
    self.now = max(self.now, now)
    switch event {
    case .tick: tick()
    case .received(let message, let node): received(message, from: node)
    case .hardStateSaved: hardStateSaved()
    case .written(let ticket): written(ticket)
    case .proposed(let count, let memberships): proposed(count, memberships)
    case .sent(let plan, let index, let bytes): sent(plan, through: index, bytes: bytes)
    case .disconnected(let node): disconnected(node)
    case .imagePartKept(let session, let received): imagePartKept(session, received)
    case .installing: isInstalling = true
    case .imageFailed: isInstalling = false
    case .imageInstalled(let position, let entry): imageInstalled(position, entry)
    case .compacted(let index): log.dropPrefix(through: index)
    case .read(let id): read(id)
    case .transfer(let node): beginTransfer(to: node)
    case .withdrawn(let index): withdraw(from: index)
    case .diskFailed: diskFailed()
    case .diskStalled(let isStalled): diskStalled(isStalled)
    case .turnEnded: turnEnded()
    }
    deadline = nextDeadline
    var done: [Action] = []
    swap(&done, &actions)
    return done
  }

  private var nextDeadline: Instant {
    if role == .leader { return min(nextHeartbeat, nextCheck) }
    return askedReads.isEmpty ? electionDeadline : min(electionDeadline, nextAsking)
  }

  // MARK: Shared

  private mutating func tick() {
    if role == .leader {
      leaderTick()
    } else {
      askAgain()
      if now >= electionDeadline { electionTimedOut() }
    }
  }

  mutating func send(_ message: Message, to node: NodeID) {
    guard savesPending > 0 else { return actions.append(.send(message, to: node)) }
    // A disk that does not answer must not fill the memory; messages may be lost at any time.
    if held.count >= 1024 { held.removeFirst(512) }
    held.append((message, node))
  }

  /// Makes the hard state durable before anything more is sent (RAFT-RULES 1).
  mutating func save(_ state: HardState) {
    hard = state
    if mutant == .voteNotPersisted { return }
    savesPending += 1
    let saved = mutant == .termSavedWithoutVote ? HardState(term: state.term) : state
    actions.append(.saveHardState(saved))
  }

  private mutating func hardStateSaved() {
    require(savesPending > 0, "no hard state was being saved")
    savesPending -= 1
    guard savesPending == 0 else { return }
    for (message, node) in held { actions.append(.send(message, to: node)) }
    held.removeAll()
    countOwnVote()
  }

  mutating func nextTicket(last: UInt64) -> UInt64 {
    lastTicket += 1
    writes.append((lastTicket, last))
    return lastTicket
  }

  private mutating func written(_ ticket: UInt64) {
    var done = 0
    while done < writes.count, writes[done].ticket <= ticket {
      durable = max(durable, writes[done].last)
      done += 1
    }
    guard done > 0 else { return }
    writes.removeFirst(done)
    if role == .leader { advanceCommit() } else { acknowledge() }
    reportCommit()
  }

  /// Tells of what is committed and on this disk.
  mutating func reportCommit() {
    let ready = mutant == .uncommittedApplied ? durable : min(commit, durable)
    if ready > reportedCommit {
      reportedCommit = ready
      actions.append(.commit(ready))
    }
    confirmLog()
  }

  /// All that was ever acknowledged is at or before an entry committed in the leader's own term: a node that has that is
  /// as good as any.
  private mutating func confirmLog() {
    guard isUncertain, durable >= commit, hasCommittedInTerm, log.lastIndex >= floor.index else {
      return
    }
    isUncertain = false
    actions.append(.logConfirmed)
  }

  /// Goes on as a follower of `leader`, in `term` at least, with `vote` given in it if it is a new one.
  mutating func follow(_ leader: NodeID?, in term: UInt64, vote: NodeID? = nil) {
    let before = (role, self.leader, hard.term)
    if term > hard.term {
      save(HardState(term: term, vote: vote))
      verified = 0
      session = 0
    } else if mutant == .voteClearedInSameTerm, hard.vote != nil {
      save(HardState(term: hard.term))
    }
    if role == .leader { ceaseToLead() }
    role = .follower
    if leader != self.leader { failAskedReads() }
    self.leader = leader
    if before != (role, leader, hard.term) { actions.append(.roleChanged) }
  }

  private mutating func ceaseToLead() {
    for read in reads { fail(read) }
    reads.removeAll()
    progress.removeAll()
    transfer = nil
    nextHeartbeat = .never
    nextCheck = .never
    heardFromLeader = now
    // Its log is the next leader's only as far as that one says.
    verified = 0
    resetElectionTimer()
  }

  mutating func resetElectionTimer() {
    let (low, high) = (settings.electionTimeout.lowerBound, settings.electionTimeout.upperBound)
    electionDeadline = now + (low + random.below(high - low + 1))
  }

  private mutating func diskFailed() {
    if mutant == .leadsWithFailedDisk { return }
    isFenced = true
    if role == .leader {
      handOver()
      follow(nil, in: hard.term)
    }
  }

  private mutating func diskStalled(_ isStalled: Bool) {
    self.isStalled = isStalled
    if isStalled, role == .leader {
      handOver()
      follow(nil, in: hard.term)
    }
  }

  private mutating func turnEnded() {
    guard role == .leader else { return }
    beginReadRound()
    tellOfCommit()
  }
}
