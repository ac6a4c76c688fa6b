import ClusterModel

extension RaftCore {
  mutating func received(_ message: Message, from node: NodeID) {
    guard !isFenced, node != id else { return }
    if let refusal = refusal(of: message, from: node) {
      return actions.append(.refused(refusal, from: node))
    }
    // Those two must not raise the term (rules 15 and 16).
    switch message {
    case .preVote(let request): return receivedPreVote(request, from: node)
    case .vote(let request): return receivedVote(request, from: node)
    default: break
    }
    if message.term > hard.term {
      follow(nil, in: message.term)
    } else if message.term < hard.term {
      return receivedFromThePast(message, from: node)
    }
    switch message {
    case .preVote, .vote: break
    case .preVoteAnswer(let answer): receivedPreVoteAnswer(answer, from: node)
    case .voteAnswer(let answer): receivedVoteAnswer(answer, from: node)
    case .append(let request): receivedAppend(request, from: node)
    case .appendAnswer(let answer): receivedAppendAnswer(answer, from: node)
    case .image(let part): receivedImage(part, from: node)
    case .imageAnswer(let answer): receivedImageAnswer(answer, from: node)
    case .heartbeat(let heartbeat): receivedHeartbeat(heartbeat, from: node)
    case .heartbeatAnswer(let answer): receivedHeartbeatAnswer(answer, from: node)
    case .timeoutNow: receivedTimeoutNow(from: node)
    case .readIndex(let question): receivedReadIndex(question, from: node)
    case .readIndexAnswer(let answer): receivedReadIndexAnswer(answer)
    }
  }

  /// Who is behind in terms is told; what it answers to questions of then means nothing (rules 4 and 15). An answer to a
  /// pre-vote says itself what it is about: a voter that has heard of no term yet must be able to help to elect.
  private mutating func receivedFromThePast(_ message: Message, from node: NodeID) {
    switch message {
    case .append(let request) where mutant == .entriesFromThePast:
      receivedAppend(request, from: node)
    case .append, .image, .heartbeat:
      send(.heartbeatAnswer(HeartbeatAnswer(term: hard.term, round: 0)), to: node)
    case .readIndex(let question):
      let answer = ReadAnswer(term: hard.term, id: question.id, index: nil)
      send(.readIndexAnswer(answer), to: node)
    case .preVoteAnswer(let answer): receivedPreVoteAnswer(answer, from: node)
    case .voteAnswer(let answer) where mutant == .staleVotesCounted:
      receivedVoteAnswer(answer, from: node)
    case .appendAnswer(let answer) where mutant == .staleAnswersCounted:
      receivedAppendAnswer(answer, from: node)
    default: break
    }
  }
}
