import ClusterModel

/// The log without its entries: which term wrote which indexes, as runs.
///
/// Terms never fall along a log, so a log of millions of entries is as many runs as it has had
/// leaders.
package struct LogTerms: Equatable, Sendable {
  /// Entries of one term that follow each other.
  package struct Run: Equatable, Sendable {
    package var firstIndex: UInt64
    package var term: UInt64

    package init(firstIndex: UInt64, term: UInt64) {
      self.firstIndex = firstIndex
      self.term = term
    }
  }

  /// The entry before the first one kept.
  package private(set) var before: LogPosition
  /// Oldest first, each up to the next one's first index.
  package private(set) var runs: [Run] = []
  package private(set) var lastIndex: UInt64

  /// An empty log behind `before`.
  package init(before: LogPosition = .start) {
    self.before = before
    lastIndex = before.index
  }

  package var isEmpty: Bool { lastIndex == before.index }
  package var firstIndex: UInt64 { before.index + 1 }
  package var last: LogPosition {
    LogPosition(term: runs.last?.term ?? before.term, index: lastIndex)
  }

  /// The term of the entry at `index`, of `before` too; nil where there is none, or none any more.
  package func term(at index: UInt64) -> UInt64? {
    if index == before.index { return before.term }
    guard index > before.index, index <= lastIndex else { return nil }
    return runs[run(of: index)].term
  }

  package func contains(_ position: LogPosition) -> Bool {
    term(at: position.index) == position.term
  }

  /// The last index, of `limit` at most, whose term is not above `term`; before the first entry kept
  /// there is only `before`.
  package func lastIndex(upTo limit: UInt64, ofTermAtMost term: UInt64) -> UInt64 {
    var end = min(limit, lastIndex)
    for run in runs.reversed() {
      if run.firstIndex > end { continue }
      if run.term <= term { return end }
      end = run.firstIndex - 1
    }
    return min(end, before.index)
  }

  package mutating func append(count: UInt64, term: UInt64) {
    guard count > 0 else { return }
    require(term >= last.term, "an entry of term \(term) behind one of \(last.term)")
    if runs.last?.term != term {
      runs.append(Run(firstIndex: lastIndex + 1, term: term))
    }
    lastIndex += count
  }

  /// Removes the entries from `index` on.
  package mutating func truncate(from index: UInt64) {
    require(index > before.index, "entry \(index) is not in the log any more")
    guard index <= lastIndex else { return }
    while let run = runs.last, run.firstIndex >= index { runs.removeLast() }
    lastIndex = index - 1
  }

  /// Removes the entries up to `index`.
  package mutating func dropPrefix(through index: UInt64) {
    guard index > before.index else { return }
    require(index <= lastIndex, "entry \(index) is not in the log yet")
    let term = runs[run(of: index)].term
    let place = run(of: index)
    runs.removeFirst(place)
    if index == lastIndex {
      runs.removeAll()
    } else {
      runs[0].firstIndex = index + 1
      if runs.count > 1, runs[1].firstIndex == index + 1 { runs.removeFirst() }
    }
    before = LogPosition(term: term, index: index)
  }

  /// The terms of the entries from `first` to `last`, as counts.
  package func runs(from first: UInt64, through last: UInt64) -> [TermRun] {
    guard first <= last else { return [] }
    require(first > before.index && last <= lastIndex, "entries \(first) to \(last)")
    var found: [TermRun] = []
    var index = first
    var place = run(of: first)
    while index <= last {
      let end = place + 1 < runs.count ? min(last, runs[place + 1].firstIndex - 1) : last
      found.append(TermRun(term: runs[place].term, count: end - index + 1))
      index = end + 1
      place += 1
    }
    return found
  }

  /// The place in `runs` of the run that holds `index`.
  private func run(of index: UInt64) -> Int {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].firstIndex <= index { low = middle + 1 } else { high = middle }
    }
    return low - 1
  }
}

/// So many entries of one term.
package struct TermRun: Equatable, Sendable {
  package var term: UInt64
  package var count: UInt64

  package init(term: UInt64, count: UInt64) {
    self.term = term
    self.count = count
  }
}
