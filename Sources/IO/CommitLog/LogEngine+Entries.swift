/// The log as Raft sees it: entries by their index.
extension LogEngine {
  /// Which term wrote which entries: the one before the first entry kept, then each term with its first index. Looks at as
  /// many headers as it takes to halve the way to each change of term.
  package func terms() throws(CommitLogError) -> (
    before: (index: UInt64, term: UInt64), runs: [(firstIndex: UInt64, term: UInt64)]
  ) {
    try consistently { (view) throws(CommitLogError) in
      let first = view.segments[0].header
      var runs: [(firstIndex: UInt64, term: UInt64)] = []
      var index = view.firstIndex
      while index < view.tail.nextIndex {
        let term = try view.header(at: index).term
        runs.append((index, term))
        // The first entry of a later term, by halving.
        var (low, high) = (index + 1, view.tail.nextIndex)
        while low < high {
          let middle = low + (high - low) / 2
          if try view.header(at: middle).term == term { low = middle + 1 } else { high = middle }
        }
        index = low
      }
      return ((view.firstIndex - 1, first.termBefore), runs)
    }
  }

  /// Tells the checked headers of the entries from `first` to `last`, in order.
  package func headers(
    from first: UInt64, through last: UInt64,
    _ body: (FrameHeader) throws(CommitLogError) -> Void
  ) throws(CommitLogError) {
    var next = first
    // Where the log was cut meanwhile, goes on with the entry that comes next.
    try consistently { (view) throws(CommitLogError) in
      while next <= last {
        let segment = view.segments[view.segment(ofIndex: next)]
        var place = try segment.frame(at: Int(next - segment.firstIndex))
        while true {
          try body(place.header)
          next += 1
          guard next <= last, place.end < segment.end else { break }
          place = try segment.frame(behind: place)
        }
      }
    }
  }

  /// The checked header of the entry at `index`, which must be in the log.
  package func header(at index: UInt64) throws(CommitLogError) -> FrameHeader {
    try consistently { (view) throws(CommitLogError) in try view.header(at: index) }
  }

  /// Whole frames from the entry `first` on, up to `last` and, but for the first, `maxBytes`; each is checked. Empty where
  /// `first` is not in the log, or not any more.
  package func frames(
    from first: UInt64, through last: UInt64, maxBytes: Int
  ) throws(CommitLogError) -> StoredFrames {
    try consistently { (view) throws(CommitLogError) in
      var found = StoredFrames()
      var index = first
      while index <= last, index >= view.firstIndex, index < view.tail.nextIndex {
        let segment = view.segments[view.segment(ofIndex: index)]
        let place = try segment.frame(at: Int(index - segment.firstIndex))
        let size = place.header.frameBytes
        guard found.headers.isEmpty || found.bytes.count + size <= maxBytes else { break }
        let bytes = try segment.store.readBytes(size, at: place.position)
        do throws(FrameFault) {
          try found.append(bytes)
        } catch {
          throw .corrupt(
            file: segment.store.path, position: place.position, offset: place.header.baseOffset,
            what: error.what)
        }
        index += 1
      }
      return found
    }
  }

  /// The log cut a torn write off its end when it was opened, now or before, and nobody has said since that it is complete:
  /// if other nodes hold it too, what was cut may have been acknowledged (RAFT-RULES 32).
  package var hasUncertainTail: Bool {
    get throws(CommitLogError) {
      try changing { (writer) throws(CommitLogError) in writer.isTailUncertain }
    }
  }

  /// What the log may have lost at its end is back, or was never acknowledged; durable on return.
  package func confirmTail() throws(CommitLogError) {
    try changing { (writer) throws(CommitLogError) in try writer.confirmTail() }
  }
}

extension LogWriter {
  mutating func confirmTail() throws(CommitLogError) {
    guard isTailUncertain else { return }
    try checkWritable()
    isTailUncertain = false
    try orPoison { (writer) throws(CommitLogError) in
      try writer.meta.writeDurably(writer.currentMeta)
    }
  }
}

extension LogView {
  func header(at index: UInt64) throws(CommitLogError) -> FrameHeader {
    let segment = segments[segment(ofIndex: index)]
    return try segment.frame(at: Int(index - segment.firstIndex)).header
  }
}
