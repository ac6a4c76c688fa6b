package import ClusterModel
import CommitLog
import Protobuf
import RaftAPI
import RaftCore

extension Replica {
  /// A message of another replica. Frames that are not whole, do not follow each other or the message are dropped with it,
  /// as if the network had: the sender tries again.
  package func receive(_ packet: Packet, from node: NodeID, at now: Instant) -> [ReplicaEffect] {
    within(now) {
      var message = packet.message
      if case .append(let request) = message {
        guard let (described, frames) = describe(request, packet.frames) else { return }
        message = .append(described)
        incoming = frames
      }
      if case .image = message { partAtHand = packet.frames }
      perform(core.handle(.received(message, from: node), at: now))
      incoming = StoredFrames()
      partAtHand = []
    }
  }

  /// What the frames are, in the core's words.
  private func describe(
    _ request: AppendRequest, _ bytes: [UInt8]
  ) -> (AppendRequest, StoredFrames)? {
    guard let frames = try? StoredFrames(checking: bytes) else { return nil }
    var described = request
    described.runs = []
    described.memberships = []
    guard let first = frames.headers.first else { return (described, frames) }
    guard first.index == request.previous.index + 1, first.term >= request.previous.term,
      let last = frames.headers.last, last.term <= request.term
    else { return nil }
    for (place, header) in frames.headers.enumerated() {
      if described.runs.last?.term == header.term {
        described.runs[described.runs.count - 1].count += 1
      } else {
        described.runs.append(TermRun(term: header.term, count: 1))
      }
      if header.kind == .configuration {
        guard let entry = try? MembersEntry(serialized: frames.body(place)) else { return nil }
        described.memberships.append(
          MembershipEntry(index: header.index, membership: entry.membership))
      }
    }
    return (described, frames)
  }

  /// Writes the frames at hand from `first` on as they came.
  func write(from first: UInt64, _ ticket: UInt64) {
    var entries: [PendingEntry] = []
    for (place, header) in incoming.headers.enumerated() where header.index >= first {
      let body = header.kind == .data ? [] : incoming.body(place)
      entries.append(PendingEntry(header: header, body: body))
    }
    extend(entries)
    effects.append(
      .disk(.write(incoming.batch(from: first), ticket: ticket, committed: committedIndex)))
  }

  var committedIndex: UInt64 { applied.tail.nextIndex - 1 }
}
