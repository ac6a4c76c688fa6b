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
  /// Of the open entry, when it is a producer's: the request that may follow in it.
  private var continuation: ProducerStamp?
  private let producers: ProducerTable
  /// Producers whose requests were placed in this turn, as of the last of them.
  private var touched: [UInt64: ProducerTable.Producer] = [:]
  /// The time that the entries of this turn are appended at, nanoseconds since 1970; never before an earlier entry's.
  package let logTime: UInt64

  init(
    _ batch: FrameBatch, after state: ReplicatedState, term: UInt64, committed: UInt64,
    clock: UInt64
  ) {
    require(batch.isEmpty, "a batch with frames in it")
    self.batch = batch
    tail = state.tail
    producers = state.producers
    self.term = term
    self.committed = committed
    logTime = max(clock, tail.lastLogTime)
  }

  /// The offset that the next record gets.
  package var nextOffset: UInt64 { tail.nextOffset }

  /// The entry that holds what was placed last, or the log's last one: what a verdict rests on.
  var lastIndex: UInt64 { isOpen ? tail.nextIndex : tail.nextIndex - 1 }

  /// Makes room for a request of about so many bytes, whose records all go into one entry.
  @inline(__always)
  package mutating func beginRequest(bytes: Int) {
    if isOpen, continuation != nil || batch.openBodyBytes + bytes > Self.mostBytes { end() }
    if !isOpen { begin(nil) }
  }

  /// The same for a request of an idempotent producer that `judge` admitted: those that follow each other share entries.
  package mutating func beginRequest(bytes: Int, count: UInt64, _ stamp: ProducerStamp) {
    if isOpen, continuation != stamp || batch.openBodyBytes + bytes > Self.mostBytes { end() }
    if !isOpen { begin(stamp) }
    continuation = ProducerStamp(
      id: stamp.id, epoch: stamp.epoch, sequence: stamp.sequence + count)
    if touched[stamp.id] == nil { touched[stamp.id] = producers.producers[stamp.id] }
    touched[stamp.id]?.append(
      stamp.sequence, count: count, baseOffset: tail.nextOffset, index: tail.nextIndex)
  }

  /// What is to become of a request.
  package enum Verdict {
    case append
    /// It is in the log from this offset on, in the entry `index`.
    case duplicate(offset: UInt64, index: UInt64)
    case refuse(ProposalRefusal)
  }

  /// Entries of one producer that may be uncommitted: fewer than are remembered, so that each can be found again.
  private static let mostUncommitted = 48

  /// Judges a request against the log's end (SEMANTICS section 3). The answer holds when what is in the log is committed.
  package func judge(
    _ stamp: ProducerStamp?, expectedOffset: UInt64?, count: UInt64, subject: String
  ) -> Verdict {
    if let stamp {
      let producer = touched[stamp.id] ?? producers.producers[stamp.id]
      switch ProducerTable.judge(stamp, count: count, subject: subject, of: producer) {
      case .append: break
      case .duplicate(let offset, let index): return .duplicate(offset: offset, index: index)
      case .refuse(let why): return .refuse(.producer(why))
      }
      if let producer, producer.entries(after: committed) >= Self.mostUncommitted {
        return .refuse(.producerTooFast)
      }
    }
    if let expectedOffset, expectedOffset != tail.nextOffset {
      return .refuse(.offsetMismatch(next: tail.nextOffset))
    }
    return .append
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

  /// Adds a request that `judge` admitted, which is not in its serialized form.
  mutating func append(_ proposal: Proposal) {
    require(!proposal.records.isEmpty, "a request without records")
    var bytes = 0
    for record in proposal.records {
      bytes += record.key.count + record.value.count
      for header in record.headers { bytes += header.name.utf8.count + header.value.count }
    }
    if let stamp = proposal.stamp {
      beginRequest(bytes: bytes, count: UInt64(proposal.records.count), stamp)
    } else {
      beginRequest(bytes: bytes)
    }
    for record in proposal.records { record.withFields { _ = append($0) } }
  }

  private mutating func begin(_ stamp: ProducerStamp?) {
    isOpen = true
    continuation = stamp
    batch.begin(
      kind: .data, index: tail.nextIndex, term: term, baseOffset: tail.nextOffset,
      logTime: logTime, commitMark: committed, maxTimestampSoFar: tail.maxTimestamp,
      producerID: stamp?.id ?? 0, producerEpoch: stamp?.epoch ?? 0,
      baseSequence: stamp?.sequence ?? 0)
  }

  mutating func end() {
    guard isOpen else { return }
    isOpen = false
    continuation = nil
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
    require(appendRefusal == nil, "\(id) appends though it may not")
    var last: UInt64 = 0
    let effects = within(now) {
      var builder = EntryBuilder(
        batch, after: latest, term: core.hard.term, committed: committedIndex,
        clock: settings.log.clock())
      build(&builder)
      builder.end()
      // It shares the table of producers, which would be copied to be changed.
      _ = consume builder
      extend((0..<batch.frames).map { PendingEntry(header: batch.header($0)) })
      last = latest.tail.nextIndex - 1
      submit(batch)
    }
    return (effects, last)
  }
}
