import ClusterModel
import RaftCore

extension Lab.Letter {
  var text: String { "\(from) -> \(to) \(message.text)" }
}

extension Message {
  var text: String {
    switch self {
    case .preVote(let request): "preVote \(request.text)"
    case .vote(let request): "vote \(request.text)"
    case .preVoteAnswer(let answer): "preVoteAnswer \(answer.text)"
    case .voteAnswer(let answer): "voteAnswer \(answer.text)"
    case .append(let request):
      "append term \(request.term) after \(request.previous)"
        + (request.runs.isEmpty ? "" : " entries ")
        + request.runs.map(\.text).joined(separator: " ")
        + request.memberships.map { " membership \($0.index) \($0.membership)" }.joined()
        + " commit \(request.commit)"
    case .appendAnswer(let answer):
      switch answer.outcome {
      case .matches(let index): "appendAnswer term \(answer.term) matches \(index)"
      case .conflict(let previous, let hint):
        "appendAnswer term \(answer.term) conflict at \(previous) hint \(hint)"
      }
    case .image(let part):
      "image term \(part.term) of \(part.position) from byte \(part.start)\(part.isLast ? ", the last" : "")"
    case .imageAnswer(let answer): "imageAnswer term \(answer.term) received \(answer.received)"
    case .heartbeat(let heartbeat):
      "heartbeat term \(heartbeat.term) commit \(heartbeat.commit) round \(heartbeat.round)"
    case .heartbeatAnswer(let answer):
      "heartbeatAnswer term \(answer.term) round \(answer.round)"
    case .timeoutNow(let term): "timeoutNow term \(term)"
    case .readIndex(let question): "readIndex term \(question.term) id \(question.id)"
    case .readIndexAnswer(let answer):
      "readIndexAnswer term \(answer.term) id \(answer.id) "
        + (answer.index.map { "index \($0)" } ?? "none")
    }
  }
}

extension VoteRequest {
  var text: String {
    "term \(term) last \(last)" + (isTransfer ? " transfer" : "") + (isSurveyed ? " surveyed" : "")
  }
}

extension VoteAnswer {
  var text: String {
    "term \(term) for \(electionTerm) \(isGranted ? "yes" : "no")"
      + (last.map { " last \($0)" } ?? " damaged")
  }
}

extension TermRun {
  var text: String { "\(count)x\(term)" }
}

extension Action {
  /// nil for what shows otherwise.
  var text: String? {
    switch self {
    case .send, .replicate, .roleChanged: nil
    case .saveHardState(let state):
      "saves term \(state.term) vote \(state.vote.map(\.description) ?? "none")"
    case .truncate(let index): "removes entries from \(index)"
    case .write(let first, let last, _): "writes entries \(first) to \(last)"
    case .writeNoOperation(let index, let term, _): "leads term \(term), no-op \(index)"
    case .sendImage(let node, _, let start):
      start == 0 ? "must send an image to \(node)" : "must send more of an image to \(node)"
    case .takeImagePart(let part): "keeps an image up to \(part.position)"
    case .commit(let index): "commits \(index)"
    case .membershipChanged(let membership): "is in \(membership)"
    case .readReady(let id, let index): "may answer read \(id) at \(index)"
    case .readFailed(let id): "fails read \(id)"
    case .logConfirmed: "trusts its log"
    case .refused(let refusal, let node): "drops what \(node) says: \(refusal)"
    }
  }
}

extension RaftCore {
  var text: String {
    "\(id) \(role.rawValue) term \(hard.term)"
      + " vote \(hard.vote.map(\.description) ?? "none")"
      + " leader \(leader.map(\.description) ?? "none")"
      + " last \(log.last) durable \(durable) commit \(commit)"
  }
}
