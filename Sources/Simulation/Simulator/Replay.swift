import ClusterModel
import CommitLog
import Protobuf
import RaftAPI
import RaftNode

/// What follows from committed entries, worked out a second time from what the entries say: what checkpoints and images
/// must bring, wherever they come from.
struct Replay {
  struct Producer: Equatable {
    var id: UInt64
    var epoch: UInt32
    /// The latest last.
    var appended: [ProducerTable.Appended] = []
  }

  /// The last entry.
  private(set) var index: UInt64 = 0
  private(set) var nextOffset: UInt64 = 0
  /// In the order in which they came.
  private(set) var producers: [Producer] = []
  private(set) var start = LogStart()
  private(set) var members: [MemberEntry]
  /// Whether an entry brought them.
  private(set) var hasMembers = false

  init(founders: [MemberEntry]) { members = founders }

  mutating func apply(_ entry: Oracle.Fingerprint, _ body: [UInt8]) {
    index += 1
    nextOffset = entry.baseOffset + UInt64(entry.count)
    switch FrameKind(rawValue: entry.kind) {
    case .data: if entry.producer != 0 { note(entry) }
    case .producers:
      guard let body = try? ProducerEntry(serialized: body) else { return }
      let producer = Producer(id: body.id, epoch: body.epoch)
      if let place = producers.firstIndex(where: { $0.id == body.id }) {
        producers[place] = producer
      } else {
        producers.append(producer)
      }
    case .logStart:
      guard let body = try? LogStart(serialized: body) else { return }
      start.offset = max(start.offset, body.offset)
      start.index = max(start.index, body.index)
    case .configuration:
      guard let body = try? MembersEntry(serialized: body) else { return }
      members = body.members
      hasMembers = true
    default: break
    }
  }

  private mutating func note(_ entry: Oracle.Fingerprint) {
    guard let place = producers.firstIndex(where: { $0.id == entry.producer }) else { return }
    producers[place].appended.append(
      ProducerTable.Appended(
        sequence: entry.sequence, count: UInt64(entry.count), baseOffset: entry.baseOffset,
        index: index))
    if producers[place].appended.count > ProducerTable.remembered {
      producers[place].appended.removeFirst()
    }
  }

  /// What `state` says that does not follow from the same entries; nil where it all does.
  func difference(from state: ReplicatedState) -> String? {
    guard state.tail.nextOffset == nextOffset else {
      return "the log ends at \(state.tail.nextOffset), not \(nextOffset)"
    }
    // Who is no founder knows nobody before an entry says who there is.
    let isStranger = state.members.isEmpty && !hasMembers
    guard state.members == members || isStranger else { return "other members are in the group" }
    guard state.start.offset == start.offset, state.start.index == start.index else {
      return "the log starts at \(state.start.offset), not \(start.offset)"
    }
    let table = state.producers.producers
    guard table.count == producers.count else {
      return "\(table.count) producers are known, not \(producers.count)"
    }
    for producer in producers {
      guard let other = table[producer.id], other.epoch == producer.epoch,
        other.appended == producer.appended
      else { return "producer \(producer.id) has appended something else" }
    }
    return nil
  }
}
