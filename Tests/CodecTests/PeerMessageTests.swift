import ClusterModel
import Protobuf
import RaftAPI
import RaftCore
import Testing

@Suite struct PeerMessageTests {
  private static let position = LogPosition(term: 3, index: 17)
  private static let request = VoteRequest(
    term: 4, last: position, isTransfer: true, isSurveyed: true, incarnation: .max)

  /// One of each kind and variant, with every field set.
  static let messages: [Message] = [
    .preVote(request), .vote(request),
    .preVoteAnswer(
      VoteAnswer(term: 4, electionTerm: 5, isGranted: true, last: position, incarnation: 9)),
    .voteAnswer(
      VoteAnswer(term: 4, electionTerm: 5, isGranted: false, last: nil, incarnation: 9)),
    .append(AppendRequest(term: 4, session: 8, previous: position, commit: 16)),
    .appendAnswer(AppendAnswer(term: 4, session: 8, outcome: .matches(17))),
    .appendAnswer(
      AppendAnswer(term: 4, session: 8, outcome: .conflict(previous: 20, hint: position))),
    .heartbeat(Heartbeat(term: 4, commit: 16, round: 12)),
    .heartbeatAnswer(HeartbeatAnswer(term: 4, round: 12)), .timeoutNow(term: 4),
    .readIndex(ReadQuestion(term: 4, id: 5)),
    .readIndexAnswer(ReadAnswer(term: 4, id: 5, index: 0)),
    .readIndexAnswer(ReadAnswer(term: 4, id: 5, index: nil)),
    .image(ImagePart(term: 4, session: 8, position: position, start: 1 << 20, isLast: true)),
    .imageAnswer(ImageAnswer(term: 4, session: 8, received: 1 << 20)),
  ]

  @Test(arguments: messages)
  func `every message comes back as it was sent`(message: Message) throws {
    let sent = PeerMessage(message, frames: [1, 2, 3])
    let received = try PeerMessage(serialized: sent.serialized())
    #expect(try received.message() == message)
    switch message {
    case .append, .image: #expect(received.frames == [1, 2, 3])
    default: #expect(received.frames.isEmpty)
    }
  }

  @Test func `every kind is among them`() {
    let kinds = Set(Self.messages.map { PeerMessage($0, frames: []).kind })
    #expect(kinds == Set(1...13))
  }

  @Test func `what no server can have sent is refused`() {
    var message = PeerMessage()
    #expect(throws: PeerMessage.Fault.self) { try message.message() }
    message.kind = 14
    #expect(throws: PeerMessage.Fault.self) { try message.message() }
    message.kind = PeerMessage.Kind.vote.rawValue
    #expect(throws: PeerMessage.Fault(text: "a vote in term 0")) { try message.message() }
    message.kind = PeerMessage.Kind.heartbeat.rawValue
    message.commit = 1 << 62
    #expect(throws: PeerMessage.Fault(text: "a number beyond 2^62")) { try message.message() }
  }
}
