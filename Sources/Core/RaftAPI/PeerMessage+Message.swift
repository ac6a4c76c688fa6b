package import RaftCore

extension PeerMessage {
  /// Why bytes from another server are no message; it is dropped and the stream ended.
  package struct Fault: Error, Equatable, Sendable {
    package let text: String

    package init(text: String) { self.text = text }
  }

  /// `frames`: of an append, its entries; of an image, its bytes.
  package init(_ message: Message, frames: [UInt8]) {
    self.init()
    term = message.term
    switch message {
    case .preVote(let request): set(.preVote, request)
    case .preVoteAnswer(let answer): set(.preVoteAnswer, answer)
    case .vote(let request): set(.vote, request)
    case .voteAnswer(let answer): set(.voteAnswer, answer)
    case .append(let request):
      kind = Kind.append.rawValue
      session = request.session
      set(request.previous)
      commit = request.commit
      self.frames = frames
    case .appendAnswer(let answer):
      kind = Kind.appendAnswer.rawValue
      session = answer.session
      switch answer.outcome {
      case .matches(let match):
        isPositive = true
        index = match
      case .conflict(let previous, let hint):
        asked = previous
        set(hint)
      }
    case .heartbeat(let heartbeat):
      kind = Kind.heartbeat.rawValue
      commit = heartbeat.commit
      number = heartbeat.round
    case .heartbeatAnswer(let answer):
      kind = Kind.heartbeatAnswer.rawValue
      number = answer.round
    case .image(let part):
      kind = Kind.image.rawValue
      session = part.session
      set(part.position)
      number = part.start
      isPositive = part.isLast
      self.frames = frames
    case .imageAnswer(let answer):
      kind = Kind.imageAnswer.rawValue
      session = answer.session
      number = answer.received
    case .timeoutNow: kind = Kind.timeoutNow.rawValue
    case .readIndex(let question):
      kind = Kind.readIndex.rawValue
      number = question.id
    case .readIndexAnswer(let answer):
      kind = Kind.readIndexAnswer.rawValue
      number = answer.id
      isPositive = answer.index != nil
      index = answer.index ?? 0
    }
  }

  private mutating func set(_ kind: Kind, _ request: VoteRequest) {
    self.kind = kind.rawValue
    term = request.term
    set(request.last)
    isTransfer = request.isTransfer
    isSurveyed = request.isSurveyed
    incarnation = request.incarnation
  }

  private mutating func set(_ kind: Kind, _ answer: VoteAnswer) {
    self.kind = kind.rawValue
    asked = answer.electionTerm
    isPositive = answer.isGranted
    hasEnd = answer.last != nil
    set(answer.last ?? .start)
    incarnation = answer.incarnation
  }

  private mutating func set(_ position: LogPosition) {
    index = position.index
    indexTerm = position.term
  }

  private var position: LogPosition { LogPosition(term: indexTerm, index: index) }

  private var voteRequest: VoteRequest {
    VoteRequest(
      term: term, last: position, isTransfer: isTransfer, isSurveyed: isSurveyed,
      incarnation: incarnation)
  }

  private var voteAnswer: VoteAnswer {
    VoteAnswer(
      term: term, electionTerm: asked, isGranted: isPositive, last: hasEnd ? position : nil,
      incarnation: incarnation)
  }

  private var appendAnswer: AppendAnswer {
    let outcome: AppendAnswer.Outcome =
      isPositive ? .matches(index) : .conflict(previous: asked, hint: position)
    return AppendAnswer(term: term, session: session, outcome: outcome)
  }

  /// Numbers from here on are none that a server could have reached: sums of them must not overflow.
  private static let numberLimit: UInt64 = 1 << 62

  /// What it says to the core; of an append, without what its frames say. Nothing of it is trusted.
  package func message() throws(Fault) -> Message {
    let numbers = [term, index, indexTerm, commit, session, number, asked]
    guard numbers.allSatisfy({ $0 < Self.numberLimit }) else {
      throw Fault(text: "a number beyond 2^62")
    }
    guard let kind = Kind(rawValue: kind), kind != .unspecified else {
      throw Fault(text: "a message of kind \(kind), which this version does not know")
    }
    if kind == .preVote || kind == .vote, term == 0 { throw Fault(text: "a vote in term 0") }
    switch kind {
    case .unspecified: throw Fault(text: "a message of no kind")
    case .preVote: return .preVote(voteRequest)
    case .preVoteAnswer: return .preVoteAnswer(voteAnswer)
    case .vote: return .vote(voteRequest)
    case .voteAnswer: return .voteAnswer(voteAnswer)
    case .append:
      return .append(
        AppendRequest(term: term, session: session, previous: position, commit: commit))
    case .appendAnswer: return .appendAnswer(appendAnswer)
    case .heartbeat: return .heartbeat(Heartbeat(term: term, commit: commit, round: number))
    case .heartbeatAnswer:
      return .heartbeatAnswer(HeartbeatAnswer(term: term, round: number))
    case .image:
      return .image(
        ImagePart(
          term: term, session: session, position: position, start: number, isLast: isPositive))
    case .imageAnswer:
      return .imageAnswer(ImageAnswer(term: term, session: session, received: number))
    case .timeoutNow: return .timeoutNow(term: term)
    case .readIndex: return .readIndex(ReadQuestion(term: term, id: number))
    case .readIndexAnswer:
      return .readIndexAnswer(
        ReadAnswer(term: term, id: number, index: isPositive ? index : nil))
    }
  }
}
