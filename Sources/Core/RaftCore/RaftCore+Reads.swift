import ClusterModel

/// A read that waits until a majority has confirmed that this leader still leads.
struct PendingRead: Sendable {
  /// nil: of this node itself.
  var asker: NodeID?
  var id: UInt64
  /// All that was committed when it came.
  var index: UInt64?
  /// The round of heartbeats that began after it came.
  var round: UInt64?
}

/// A read for which the leader was asked.
struct AskedRead: Sendable {
  var id: UInt64
  var since: Instant
  /// When the leader was asked last.
  var asked: Instant
}

extension RaftCore {
  mutating func read(_ id: UInt64) {
    if role == .leader {
      add(PendingRead(asker: nil, id: id))
    } else if let leader {
      guard askedReads.count < settings.pendingReads else {
        return actions.append(.readFailed(id: id))
      }
      askedReads.append(AskedRead(id: id, since: now, asked: now))
      send(.readIndex(ReadQuestion(term: hard.term, id: id)), to: leader)
    } else {
      actions.append(.readFailed(id: id))
    }
  }

  mutating func receivedReadIndex(_ question: ReadQuestion, from node: NodeID) {
    let read = PendingRead(asker: node, id: question.id)
    if role == .leader { add(read) } else { fail(read) }
  }

  mutating func receivedReadIndexAnswer(_ answer: ReadAnswer) {
    guard let place = askedReads.firstIndex(where: { $0.id == answer.id }) else { return }
    askedReads.remove(at: place)
    if let index = answer.index {
      actions.append(.readReady(id: answer.id, index: index))
    } else {
      actions.append(.readFailed(id: answer.id))
    }
  }

  mutating func failAskedReads() {
    for read in askedReads { actions.append(.readFailed(id: read.id)) }
    askedReads.removeAll()
  }

  /// Questions and answers may be lost: the leader is asked again after an election timeout, and not for ever.
  mutating func askAgain() {
    guard let leader, now >= nextAsking else { return }
    var late: [AskedRead] = []
    // In the order in which they were asked last.
    while let first = askedReads.first, now >= due(first) {
      askedReads.removeFirst()
      guard now.since(first.since) < 2 * settings.electionTimeout.upperBound else {
        actions.append(.readFailed(id: first.id))
        continue
      }
      send(.readIndex(ReadQuestion(term: hard.term, id: first.id)), to: leader)
      late.append(AskedRead(id: first.id, since: first.since, asked: now))
    }
    askedReads += late
  }

  var nextAsking: Instant { askedReads.first.map(due) ?? .never }

  private func due(_ read: AskedRead) -> Instant {
    read.asked + settings.electionTimeout.lowerBound
  }

  private mutating func add(_ read: PendingRead) {
    guard reads.count < settings.pendingReads else { return fail(read) }
    reads.append(read)
    if mutant == .readsWithoutQuorum { confirmReads() }
  }

  /// One round of heartbeats for all reads that came since the last one (rule 18).
  mutating func beginReadRound() {
    guard hasCommittedInTerm || mutant == .readsBeforeNoOperation else { return }
    var isNeeded = false
    for place in reads.indices where reads[place].round == nil {
      reads[place].index = commit
      reads[place].round = round + 1
      isNeeded = true
    }
    if isNeeded { beat() }
  }

  /// Answers the reads whose round a majority has answered.
  mutating func confirmReads() {
    guard !reads.isEmpty else { return }
    let rounds = membership.voters.map { voter in
      voter == id ? round : progress.first { $0.node == voter }?.round ?? 0
    }.sorted()
    let confirmed = rounds.isEmpty ? 0 : rounds[rounds.count - membership.quorum]
    var waiting: [PendingRead] = []
    swap(&waiting, &reads)
    for read in waiting {
      if mutant == .readsWithoutQuorum {
        answer(read, index: commit)
      } else if let needed = read.round, let index = read.index, needed <= confirmed {
        answer(read, index: index)
      } else {
        reads.append(read)
      }
    }
  }

  private mutating func answer(_ read: PendingRead, index: UInt64) {
    if let asker = read.asker {
      let answer = ReadAnswer(term: hard.term, id: read.id, index: index)
      send(.readIndexAnswer(answer), to: asker)
    } else {
      actions.append(.readReady(id: read.id, index: index))
    }
  }

  mutating func fail(_ read: PendingRead) {
    if let asker = read.asker {
      let answer = ReadAnswer(term: hard.term, id: read.id, index: nil)
      send(.readIndexAnswer(answer), to: asker)
    } else {
      actions.append(.readFailed(id: read.id))
    }
  }
}
