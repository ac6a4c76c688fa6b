package import ClusterModel
package import CommitLog
import RaftCore

/// Builds entries of records at a leader's log's end, in the bytes in which they are stored and served.
///
/// Requests share an entry up to `mostBytes`, so that checksums, index entries and headers are shared without making a
/// reader verify much for one record.
package struct EntryBuilder {
  private static let mostBytes = 256 << 10

  private let batch: FrameBatch
  private let term: UInt64
  private let committed: UInt64
  private var tail: LogTail
  private var isOpen = false
  /// The time that the entries of this turn are appended at, nanoseconds since 1970; never before an earlier entry's.
  package let logTime: UInt64

  init(_ batch: FrameBatch, after tail: LogTail, term: UInt64, committed: UInt64, clock: UInt64) {
    precondition(batch.isEmpty, "a batch with frames in it")
    self.batch = batch
    self.tail = tail
    self.term = term
    self.committed = committed
    logTime = max(clock, tail.lastLogTime)
  }

  /// The offset that the next record gets.
  package var nextOffset: UInt64 { tail.nextOffset }

  /// Makes room for a request of about so many bytes, whose records all go into one entry.
  @inline(__always)
  package mutating func beginRequest(bytes: Int) {
    if isOpen, batch.openBodyBytes + bytes > Self.mostBytes { end() }
    if !isOpen { begin() }
  }

  /// Adds a record; its timestamp.
  @inline(__always)
  package mutating func append(_ fields: RecordFields) -> UInt64 {
    let timestamp = fields.timestamp == 0 ? logTime : fields.timestamp
    batch.append(fields)
    tail.maxTimestamp = max(tail.maxTimestamp, timestamp)
    tail.nextOffset += 1
    return timestamp
  }

  private mutating func begin() {
    isOpen = true
    batch.begin(
      kind: .data, index: tail.nextIndex, term: term, baseOffset: tail.nextOffset,
      logTime: logTime, commitMark: committed, maxTimestampSoFar: tail.maxTimestamp)
  }

  mutating func end() {
    guard isOpen else { return }
    isOpen = false
    if batch.end() { tail.nextIndex += 1 }
  }
}

extension Replica {
  /// Why nothing may be appended now; nil where it may.
  package var appendRefusal: ProposalRefusal? {
    if core.role != .leader { return .raft(.notLeader(core.leader)) }
    if isDiskFull { return .diskFull }
    return core.canPropose ? nil : .raft(.transferring)
  }

  /// Appends the entries that `build` makes, as one write; only while `appendRefusal` is nil.
  ///
  /// - Returns: what is to be done, and the index of the log's last entry.
  package func append(
    in batch: FrameBatch, at now: Instant, _ build: (inout EntryBuilder) -> Void
  ) -> (effects: [ReplicaEffect], last: UInt64) {
    precondition(appendRefusal == nil, "\(id) appends though it may not")
    var last: UInt64 = 0
    let effects = within(now) {
      var builder = EntryBuilder(
        batch, after: latest.tail, term: core.hard.term, committed: committedIndex,
        clock: settings.log.clock())
      build(&builder)
      builder.end()
      extend((0..<batch.frames).map { PendingEntry(header: batch.header($0)) })
      last = latest.tail.nextIndex - 1
      submit(batch)
    }
    return (effects, last)
  }
}
