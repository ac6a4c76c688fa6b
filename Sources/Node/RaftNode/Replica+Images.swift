import ClusterModel
import CommitLog
import Protobuf
import RaftAPI
import RaftCore

/// An image that a follower is sent in parts.
struct OutgoingImage {
  var session: UInt64
  var position: LogPosition
  var bytes: [UInt8]
}

/// An image of which parts have come.
struct IncomingImage {
  var session: UInt64
  var position: LogPosition
  var bytes: [UInt8] = []
}

/// What is before the log's first entry, for followers that need it (RAFT-RULES 21).
extension Replica {
  /// Of what a node takes; more could never be a checkpoint.
  static var maxImageBytes: Int { 512 << 20 }

  // MARK: The leader

  /// The part of the image that begins at byte `start`; read first where it is the first one.
  func sendImage(to node: NodeID, _ session: UInt64, from start: UInt64) {
    imagesOut = imagesOut.filter { core.isSendingImage(to: $0.key, session: $0.value.session) }
    guard let image = imagesOut[node], image.session == session else {
      effects.append(.imageNeeded(node))
      return effects.append(.disk(.readImage(for: node, session: session)))
    }
    guard start < UInt64(image.bytes.count) else { return }
    let first = Int(start)
    let end = min(image.bytes.count, first + settings.appendBytes)
    let part = ImagePart(
      term: core.hard.term, session: session, position: image.position, start: start,
      isLast: end == image.bytes.count)
    effects.append(.send(Packet(.image(part), frames: Array(image.bytes[first..<end])), to: node))
  }

  /// An image was read.
  func send(_ state: ReplicatedState, to node: NodeID, _ session: UInt64) {
    guard core.isSendingImage(to: node, session: session) else { return }
    var state = state
    if core.mutant == .imageWithoutProducers { state.producers = ProducerTable() }
    let position = LogPosition(term: state.tail.lastTerm, index: state.tail.nextIndex - 1)
    imagesOut[node] = OutgoingImage(
      session: session, position: position, bytes: state.checkpoint.serialized())
    sendImage(to: node, session, from: 0)
  }

  // MARK: The follower

  func take(_ part: ImagePart) {
    if part.start == 0 { imageIn = IncomingImage(session: part.session, position: part.position) }
    guard imageIn?.session == part.session, imageIn?.position == part.position,
      imageIn?.bytes.count == Int(part.start),
      partAtHand.count <= Self.maxImageBytes - Int(part.start)
    else { return }
    imageIn?.bytes += partAtHand
    guard part.isLast else {
      let received = part.start + UInt64(partAtHand.count)
      return perform(
        core.handle(.imagePartKept(session: part.session, received: received), at: now))
    }
    let bytes = imageIn?.bytes ?? []
    imageIn = nil
    // One that cannot be read is dropped, as if the network had.
    guard let state = (try? Checkpoint(serialized: bytes)).map(ReplicatedState.init),
      state.tail.nextIndex == part.position.index + 1, state.tail.lastTerm == part.position.term,
      !state.members.isEmpty
    else { return }
    perform(core.handle(.installing, at: now))
    effects.append(.disk(.install(state)))
  }

  func installed(_ state: ReplicatedState) {
    pending.removeAll()
    applied = state
    latest = state
    let position = LogPosition(term: state.tail.lastTerm, index: state.tail.nextIndex - 1)
    let membership = MembersEntry(state.members).membership
    let entry = MembershipEntry(index: position.index, membership: membership)
    perform(core.handle(.imageInstalled(position, entry), at: now))
    effects.append(.committed(index: position.index, end: state.tail.nextOffset))
    effects.append(.imageInstalled(index: position.index, start: state.tail.nextOffset))
  }
}
