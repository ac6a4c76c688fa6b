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

extension RaftCore {
  mutating func read(_ id: UInt64) {
    if role == .leader {
      add(PendingRead(asker: nil, id: id))
    } else if let leader {
      guard askedReads.count < settings.pendingReads else {
        return actions.append(.readFailed(id: id))
      }
      askedReads.append(id)
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
    guard let place = askedReads.firstIndex(of: answer.id) else { return }
    askedReads.remove(at: place)
    if let index = answer.index {
      actions.append(.readReady(id: answer.id, index: index))
    } else {
      actions.append(.readFailed(id: answer.id))
    }
  }

  mutating func failAskedReads() {
    for id in askedReads { actions.append(.readFailed(id: id)) }
    askedReads.removeAll()
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
