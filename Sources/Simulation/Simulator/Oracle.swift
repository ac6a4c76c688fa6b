import ClusterModel
import CommitLog

/// What must be true at every moment, whatever happens (RAFT-RULES 2.3).
struct Oracle {
  /// What an entry is, wherever it lies.
  struct Fingerprint: Equatable {
    var term: UInt64
    var kind: UInt8
    var count: UInt32
    var baseOffset: UInt64
    var checksum: UInt32

    init(_ header: FrameHeader) {
      term = header.term
      kind = header.kind.rawValue
      count = header.recordCount
      baseOffset = header.baseOffset
      checksum = header.bodyChecksum
    }
  }

  /// The first breach.
  private(set) var breach: String?
  /// Entries once committed anywhere; the first is that of index 1.
  private(set) var committed: [Fingerprint] = []
  /// All entries that ever stood at an index in some log.
  private var seen: [[Fingerprint]] = []
  private var leaders: [UInt64: Int] = [:]
  private var votes: [VoteKey: NodeID] = [:]

  private struct VoteKey: Hashable {
    var node: Int
    var term: UInt64
  }

  mutating func fail(_ what: String) {
    if breach == nil { breach = what }
  }

  /// One leader a term, and it has all that was ever committed (Raft section 5.2 and 5.4).
  mutating func leads(_ node: Int, term: UInt64, termAt: (UInt64) -> UInt64?) {
    if let other = leaders[term], other != node {
      fail("two leaders in term \(term): n\(other + 1) and n\(node + 1)")
    }
    leaders[term] = node
    let last = UInt64(committed.count)
    guard last > 0 else { return }
    if let found = termAt(last), found != committed[committed.count - 1].term {
      fail("n\(node + 1) leads term \(term) with another entry \(last) than was committed")
    } else if termAt(last) == nil {
      fail("n\(node + 1) leads term \(term) without the committed entry \(last)")
    }
  }

  /// Entries of one index and term are one (log matching).
  mutating func stands(_ node: Int, _ header: FrameHeader) {
    let place = Int(header.index - 1)
    while seen.count <= place { seen.append([]) }
    let entry = Fingerprint(header)
    for other in seen[place] where other.term == entry.term {
      if other != entry {
        fail("two entries \(header.index) of term \(header.term), at n\(node + 1)")
      }
      return
    }
    seen[place].append(entry)
  }

  /// All apply the same, in order, and only what is committed.
  mutating func applies(_ node: Int, _ header: FrameHeader) {
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
    } else {
      fail("n\(node + 1) applies entry \(header.index) before \(committed.count + 1)")
    }
  }

  /// A node gives one vote a term, over all its lives.
  mutating func votes(_ node: Int, term: UInt64, for candidate: NodeID) {
    let key = VoteKey(node: node, term: term)
    if let other = votes[key], other != candidate {
      fail("n\(node + 1) votes for \(other) and for \(candidate) in term \(term)")
    }
    votes[key] = candidate
  }
}

/// Where the oracle lives, so that nodes can tell it of their entries.
final class Watcher {
  var oracle = Oracle()
}
