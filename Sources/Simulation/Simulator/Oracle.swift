import ClusterModel
import CommitLog
import Protobuf
import RaftAPI
import RaftNode

/// What must be true at every moment, whatever happens (RAFT-RULES 2.3).
struct Oracle {
  /// What an entry is, wherever it lies.
  struct Fingerprint: Equatable {
    var term: UInt64
    var kind: UInt8
    var count: UInt32
    var baseOffset: UInt64
    var checksum: UInt32
    var producer: UInt64
    var epoch: UInt32
    var sequence: UInt64

    init(_ header: FrameHeader) {
      term = header.term
      kind = header.kind.rawValue
      count = header.recordCount
      baseOffset = header.baseOffset
      checksum = header.bodyChecksum
      producer = header.producerID
      epoch = header.producerEpoch
      sequence = header.baseSequence
    }
  }

  /// The first breach.
  private(set) var breach: String?
  /// Entries once committed anywhere; the first is that of index 1.
  private(set) var committed: [Fingerprint] = []
  /// Of those that carry no records, by index.
  private(set) var bodies: [UInt64: [UInt8]] = [:]
  /// What follows from the first entries, in steps.
  var states: [Replay] = []
  /// Where the log began, and from which entry on; ascending.
  var starts: [(index: UInt64, start: LogStart)] = []
  var askedStarts: [LogStart] = []
  /// The term that each was first known to be committed in, as its node knew it; ascending.
  private var committedIn: [UInt64] = []
  /// All entries that ever stood at an index in some log.
  private var seen: [[Standing]] = []
  private var leaders: [UInt64: NodeID] = [:]
  private var votes: [VoteKey: NodeID] = [:]

  private struct Standing {
    var entry: Fingerprint
    /// Of the entry before it; nil where that is not known.
    var termBefore: UInt64?
  }

  private struct VoteKey: Hashable {
    var node: NodeID
    var term: UInt64
  }

  init(founders: [MemberEntry]) { states.append(Replay(founders: founders)) }

  var lastCommitted: UInt64 { UInt64(committed.count) }

  /// Whether the entry at this index and of this term is known to be committed.
  func hasCommitted(_ index: UInt64, term: UInt64) -> Bool {
    index == 0 || index <= lastCommitted && committed[Int(index - 1)].term == term
  }

  /// The committed entry that holds the record at `offset`; nil where none does.
  func committed(holding offset: UInt64) -> (index: UInt64, term: UInt64)? {
    var low = 0
    var high = committed.count
    // The last entry that does not begin behind it; entries without records begin where the next one does.
    while low < high {
      let middle = (low + high) / 2
      if committed[middle].baseOffset <= offset { low = middle + 1 } else { high = middle }
    }
    while low > 0 {
      let entry = committed[low - 1]
      if entry.count > 0 {
        guard offset < entry.baseOffset + UInt64(entry.count) else { return nil }
        return (UInt64(low), entry.term)
      }
      low -= 1
    }
    return nil
  }

  mutating func fail(_ what: String) {
    if breach == nil { breach = what }
  }

  /// One leader a term, and it has all that was committed in terms before (Raft section 5.2 and 5.4). What a later term has
  /// committed is no concern of a node that learns late that it was elected.
  mutating func leads(
    _ node: NodeID, term: UInt64, firstKept: UInt64, termAt: (UInt64) -> UInt64?
  ) {
    if let other = leaders[term], other != node {
      fail("two leaders in term \(term): \(other) and \(node)")
    }
    leaders[term] = node
    guard let place = committedIn.lastIndex(where: { $0 < term }) else { return }
    let last = UInt64(place + 1)
    guard last >= firstKept else { return }
    if let found = termAt(last), found != committed[place].term {
      fail("\(node) leads term \(term) with another entry \(last) than was committed")
    } else if termAt(last) == nil {
      fail("\(node) leads term \(term) without the committed entry \(last)")
    }
  }

  /// Entries of one index and term are one, and so are those before them (log matching): it is enough that each has the
  /// same one before it.
  mutating func stands(_ node: Int, _ header: FrameHeader, behind termBefore: UInt64?) {
    let place = Int(header.index - 1)
    while seen.count <= place { seen.append([]) }
    let entry = Fingerprint(header)
    for (number, other) in seen[place].enumerated() where other.entry.term == entry.term {
      if other.entry != entry {
        fail("two entries \(header.index) of term \(header.term), at n\(node + 1)")
      }
      guard let termBefore else { return }
      if let known = other.termBefore, known != termBefore {
        fail(
          "entry \(header.index) of term \(header.term) stands behind one of term \(known), and at n\(node + 1) "
            + "behind one of term \(termBefore)")
      }
      seen[place][number].termBefore = termBefore
      return
    }
    seen[place].append(Standing(entry: entry, termBefore: termBefore))
  }

  /// All apply the same, in order, and only what is committed.
  mutating func applies(_ node: Int, _ applied: PendingEntry, in term: UInt64) {
    let header = applied.header
    let place = Int(header.index - 1)
    let entry = Fingerprint(header)
    if place < committed.count {
      if committed[place] != entry {
        fail(
          "n\(node + 1) applies entry \(header.index) of term \(header.term), "
            + "committed was one of term \(committed[place].term)")
      }
    } else if place == committed.count {
      committed.append(entry)
      committedIn.append(max(term, committedIn.last ?? 0))
      if header.kind != .data { bodies[header.index] = applied.body }
      if header.kind == .logStart, let start = try? LogStart(serialized: applied.body) {
        begins(at: start, by: header.index)
      }
    } else {
      fail("n\(node + 1) applies entry \(header.index) before \(committed.count + 1)")
    }
  }

  /// A node gives one vote a term, over all its lives.
  mutating func votes(_ node: NodeID, term: UInt64, for candidate: NodeID) {
    let key = VoteKey(node: node, term: term)
    if let other = votes[key], other != candidate {
      fail("\(node) votes for \(other) and for \(candidate) in term \(term)")
    }
    votes[key] = candidate
  }
}

/// Where the oracle lives, so that nodes can tell it of their entries.
final class Watcher {
  var oracle: Oracle

  init(_ oracle: Oracle) { self.oracle = oracle }
}
