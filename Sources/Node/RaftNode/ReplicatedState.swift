package import CommitLog
import Protobuf
package import RaftAPI
import RaftCore

/// What follows from the entries of a log up to one of them, on every node the same.
package struct ReplicatedState: Sendable {
  package internal(set) var tail: LogTail
  package internal(set) var producers = ProducerTable()
  /// Where the log begins, by the last entry that said so.
  package internal(set) var start = LogStart()
  package internal(set) var settings = LogSettings()
  /// Who is in the group by the last membership among these entries.
  package internal(set) var members: [MemberEntry]

  /// - Parameter mutant: set by the simulator only.
  mutating func apply(_ entry: PendingEntry, _ mutant: RaftMutant? = nil) {
    let header = entry.header
    tail.nextOffset = header.nextOffset
    tail.nextIndex = header.index + 1
    tail.lastTerm = header.term
    tail.lastLogTime = header.logTime
    tail.maxTimestamp = header.maxTimestamp
    switch header.kind {
    case .data:
      guard header.producerID != 0 else { return }
      producers.note(
        ProducerStamp(
          id: header.producerID, epoch: header.producerEpoch, sequence: header.baseSequence),
        count: UInt64(header.recordCount), baseOffset: header.baseOffset, index: header.index)
    case .configuration:
      if let entry = try? MembersEntry(serialized: entry.body) { members = entry.members }
    case .producers:
      if let entry = try? ProducerEntry(serialized: entry.body) {
        producers.begin(
          id: entry.id, epoch: entry.epoch, subject: entry.subject, name: entry.name,
          index: header.index)
      }
    case .logStart:
      guard let entry = try? LogStart(serialized: entry.body) else { return }
      if mutant == .logStartMovesBack { start = entry }
      if entry.isBeyond(start) {
        start.offset = max(start.offset, entry.offset)
        start.index = max(start.index, entry.index)
        start.cause = entry.cause
      }
    case .settings:
      if let entry = try? LogSettings(serialized: entry.body) { settings = entry }
    default: break
    }
  }
}

/// An entry of the log that is not applied yet: its header and, of a control entry, its body.
package struct PendingEntry: Sendable {
  package internal(set) var header: FrameHeader
  package internal(set) var body: [UInt8] = []
}
