package import ClusterModel
import CommitLog
import GRPCWire
import NIOCore
package import RaftAPI
import RaftCore
import RaftNode

extension RaftRunner {
  func carryOut(_ effects: [ReplicaEffect]) {
    for effect in effects { carryOut(effect) }
  }

  private func carryOut(_ effect: ReplicaEffect) {
    switch effect {
    case .send(let packet, let node): links[node]?.send(packet)
    case .disk(let job): jobs.append(job)
    case .resolved(let id, let outcome): proposers.removeValue(forKey: id)?(outcome)
    case .committed(let index, let end):
      source?.committed(index, end: end)
      answerReaders(through: index)
    case .readReady(let id, let index): readReady(id, index)
    case .readFailed(let id): readers.removeValue(forKey: id)?(nil)
    case .roleChanged:
      if replica.core.role != .leader, !leavers.isEmpty {
        publish()
        hasLeft()
      }
      if replica.core.role != .leader { source?.leadershipEnded(term: replica.core.hard.term) }
    case .membershipChanged: connect()
    case .withdrawn(let index): source?.withdrawn(from: index)
    case .imageNeeded(let node): notice(.needsImage(node))
    case .imageInstalled(let index, let start): notice(.imageInstalled(index: index, start: start))
    case .damaged(let error): noteDamage(error)
    case .refused(let refusal, let node): tell(refusal, of: node)
    }
  }

  /// Once for each server and reason; who makes up servers does not fill the memory.
  private func tell(_ refusal: MessageRefusal, of node: NodeID) {
    // What one that was just removed still answers is nobody's concern.
    guard departing[node] == nil else { return }
    let new = Refused(node: node, refusal: refusal)
    guard refused.count < 64, refused.insert(new).inserted else { return }
    notice(.refused(node, refusal))
  }

  /// Has a link to each other member of the latest membership, and for a while to those that were: a change is not committed
  /// when it is in the log, and who is removed is to learn of it.
  func connect() {
    guard !isStopping else { return }
    var gone = Set(links.keys)
    for member in replica.latest.members where member.id != id {
      strangers[member.id] = nil
      gone.remove(member.id)
      guard let address = PeerAddress(member.address) else { continue }
      connect(member.id, address)
    }
    for (node, address) in strangers {
      gone.remove(node)
      connect(node, address)
    }
    departing = departing.filter { gone.contains($0.key) }
    for node in gone where departing[node] == nil { departing[node] = Self.now() }
  }

  /// How long who is no member any more is spoken to; nanoseconds.
  private static let partingTime: UInt64 = 2_000_000_000

  private func leaveDeparted() {
    let now = Self.now()
    for (node, since) in departing where now.since(since) > Self.partingTime {
      departing[node] = nil
      links.removeValue(forKey: node)?.close()
    }
  }

  private func connect(_ node: NodeID, _ address: PeerAddress) {
    guard links[node]?.address != address else { return }
    links[node]?.close()
    links[node] = link(to: node, address)
  }

  private func link(to node: NodeID, _ address: PeerAddress) -> PeerLink {
    let hello = PeerHello(
      cluster: identity.clusterID, log: identity.logInstanceID, from: id, to: node,
      address: settings.address)
    return PeerLink(hello, at: address, tls: tlsInUse, on: eventLoop) {
      [weak self] isBulk, reason in
      guard let self, !self.isStopping else { return }
      if let reason { self.notice(.linkLost(node, reason: reason)) }
      guard isBulk else { return }
      self.step { self.replica.handle(.disconnected(node), at: $0) }
    }
  }
}

// MARK: - The disk

extension RaftRunner {
  /// Gives the disk thread what has gathered, unless it is at work. While the log waits for room only the vote is written.
  func startDisk() {
    guard !isDiskBusy else { return }
    let ready = retry == nil ? jobs : jobs.filter(\.isSave)
    guard !ready.isEmpty else { return }
    jobs = retry == nil ? [] : jobs.filter { !$0.isSave }
    isDiskBusy = true
    diskBegan = Self.now()
    let given = UncheckedBox(ready)
    diskThread.run { [disk = replica.disk, eventLoop, self] in
      let done = UncheckedBox(disk.perform(given.value))
      eventLoop.execute { self.diskDone(done.value) }
    }
  }

  private func diskDone(_ done: DiskTurn) {
    isDiskBusy = false
    if isStopping {
      stopped?.succeed()
      return
    }
    if isDiskStalled { diskStalls(false) }
    if let why = done.noRoom {
      noRoom = why
    } else if done.results.contains(where: \.isWritten) {
      noRoom = nil
    }
    for case .failed(let error) in done.results { diskFailed(error) }
    step { now in done.results.flatMap { replica.done($0, at: now) } }
    if case .written(_, let batch)? = done.results.last, spare == nil {
      batch.reset()
      spare = batch
    }
    jobs = done.left + jobs
    if !done.left.isEmpty, replica.core.canWithdraw {
      // Alone with a full disk: whoever waits learns that nothing was written, and may try again.
      publish()
      jobs.removeAll(where: \.isWrite)
      step { replica.withdraw(at: $0) }
      return
    }
    guard !done.left.isEmpty, retry == nil else { return }
    retry = eventLoop.assumeIsolated().scheduleTask(in: settings.fullDiskRetry) { [weak self] in
      guard let self else { return }
      self.retry = nil
      self.startDisk()
    }
  }

  private func diskFailed(_ error: CommitLogError) {
    guard diskFailure == nil else { return }
    diskFailure = error
    // Before those that wait are told that this server leads no more, so that they learn why.
    publish()
    notice(.diskFailed(error))
  }

  /// From time to time: a disk that hangs must not keep its server in office.
  func lookAround() {
    leaveDeparted()
    for link in links.values { link.keepOpen() }
    promoteLearner()
    giveUpReaders()
    guard isDiskBusy, !isDiskStalled, Self.now().since(diskBegan) > settings.slowDisk else {
      return
    }
    diskStalls(true)
  }

  /// Gives a learner that is to be a voter its vote when it has caught up.
  private func promoteLearner() {
    let core = replica.core
    guard core.role == .leader, replica.latest.members.contains(where: \.wantsVote) else { return }
    let ready = replica.latest.members.first { member in
      member.isLearner && member.wantsVote && isCaughtUp(member.id)
    }
    guard let ready else { return }
    let members = replica.latest.members.promoting(ready.id)
    guard (try? core.check(change: MembersEntry(members).membership)) != nil else { return }
    lastRequest += 1
    step { replica.changeMembers(id: lastRequest, to: members, at: $0) }
  }

  /// Whether a follower lacks so little that its vote would not hold up commits.
  func isCaughtUp(_ node: NodeID) -> Bool {
    let core = replica.core
    guard let follower = core.followers.first(where: { $0.node == node }) else { return false }
    return follower.state == "replicate" && follower.match + Self.smallLag >= core.log.lastIndex
      && Self.now().since(follower.lastHeard) < replica.settings.raft.electionTimeout.lowerBound
  }

  /// Entries.
  private static let smallLag: UInt64 = 16

  private func diskStalls(_ isStalled: Bool) {
    isDiskStalled = isStalled
    notice(.diskStalled(isStalled))
    step { replica.handle(.diskStalled(isStalled), at: $0) }
  }
}

extension [MemberEntry] {
  /// The same members, of whom `node` has a vote now.
  package func promoting(_ node: NodeID) -> [MemberEntry] {
    map { member in
      guard member.id == node else { return member }
      var voter = member
      voter.isLearner = false
      voter.wantsVote = false
      return voter
    }
  }
}

/// Carries a value that one thread at a time owns across a hand-over.
struct UncheckedBox<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}
