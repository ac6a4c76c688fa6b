/// How much of a log is kept. Only whole segments go, the oldest first, and never the one that takes the writes.
public struct Retention: Sendable, Equatable {
  /// Segments go while those behind them hold at least this many bytes; 0 = nothing goes for its size.
  public var bytes: UInt64
  /// A segment goes when its newest entry was appended longer ago than this, in nanoseconds of the log's own clock; 0 =
  /// nothing goes for its age.
  public var age: UInt64

  /// What is to be kept; everything unless said otherwise.
  public init(bytes: UInt64 = 0, age: UInt64 = 0) {
    self.bytes = bytes
    self.age = age
  }

  var keepsEverything: Bool { bytes == 0 && age == 0 }
}

/// What one step of retention removed: the oldest segment.
public struct RetentionStep: Sendable, Equatable {
  /// Why a segment went.
  public enum Cause: String, Sendable {
    /// What lies behind it holds as many bytes as are to be kept.
    case bytes
    /// Its newest entry was older than is to be kept.
    case age
    /// It was asked for.
    case request
  }

  /// Why this one went.
  public var cause: Cause
  /// Offsets of the records that are gone; empty where the segment held only control entries.
  public var removed: Range<UInt64>
  /// Bytes given back, of the store.
  public var bytes: UInt64
}

extension LogView {
  /// Why the oldest segment may go at `now` (ns since 1970); nil where it may not.
  ///
  /// Sizes are of stores: the index is small beside them, and none of it once a segment is closed is reserved.
  func expiry(
    _ retention: Retention, now: UInt64
  ) throws(CommitLogError) -> RetentionStep.Cause? {
    guard segments.count > 1, !retention.keepsEverything else { return nil }
    let oldest = segments[0]
    if retention.bytes > 0 {
      let rest = segments.dropFirst().reduce(UInt64(0)) { $0 + $1.end }
      if rest >= retention.bytes { return .bytes }
    }
    if retention.age > 0 {
      guard !oldest.isEmpty else { return .age }
      let newest = try oldest.frame(at: oldest.index.count - 1).header.logTime
      if now > newest, now - newest > retention.age { return .age }
    }
    return nil
  }

  /// Whether the segment that takes the writes holds entries older than `age`: closed, it can go when the newest of them
  /// is too. Without this a log that is seldom written to would keep its last segment for ever.
  func activeIsOld(_ age: UInt64, now: UInt64) throws(CommitLogError) -> Bool {
    let active = segments[segments.count - 1]
    guard age > 0, !active.isEmpty else { return false }
    let oldest = try active.frame(at: 0).header.logTime
    return now > oldest && now - oldest > age
  }
}

extension LogWriter {
  /// Removes the oldest segment if it may go; nil where nothing may. One segment a call, so that writes get their turn.
  ///
  /// The log's start is durable before a file goes, and a crash between leaves what the next opening finishes
  /// (`truncatePrefix`).
  ///
  /// - Parameter prepare: told the last entry that is to go; false: not yet.
  mutating func applyRetention(
    _ retention: Retention,
    _ prepare: (_ last: UInt64) throws(CommitLogError) -> Bool
  ) throws(CommitLogError) -> RetentionStep? {
    guard !retention.keepsEverything else { return nil }
    try checkWritable()
    let now = options.clock()
    if try view.activeIsOld(retention.age, now: now) { try rollUnlessFull() }
    guard let cause = try view.expiry(retention, now: now) else { return nil }
    let oldest = view.segments[0]
    let next = view.segments[1]
    guard try prepare(next.firstIndex - 1) else { return nil }
    let start = max(view.startOffset, oldest.baseOffset)
    let step = RetentionStep(
      cause: cause, removed: start..<max(start, next.baseOffset), bytes: oldest.end)
    try dropSegments(before: next, startOffset: max(view.startOffset, next.baseOffset))
    return step
  }
}

extension LogWriter {
  /// One step on the way to a log that begins with the record `offset` and keeps nothing of the entries up to `index` that
  /// a whole segment holds; nil when it is there. The entries up to there must be committed.
  mutating func advanceStart(
    to offset: UInt64, through index: UInt64, _ cause: RetentionStep.Cause,
    _ prepare: (_ last: UInt64) throws(CommitLogError) -> Bool
  ) throws(CommitLogError) -> RetentionStep? {
    try checkWritable()
    let offset = min(offset, view.tail.nextOffset)
    let oldest = view.segments[0]
    guard view.segments.count > 1, view.segments[1].firstIndex <= index + 1 else {
      if offset > view.startOffset { try dropSegments(before: oldest, startOffset: offset) }
      return nil
    }
    let next = view.segments[1]
    guard try prepare(next.firstIndex - 1) else { return nil }
    let start = max(view.startOffset, oldest.baseOffset)
    let step = RetentionStep(
      cause: cause, removed: start..<max(start, next.baseOffset), bytes: oldest.end)
    try dropSegments(before: next, startOffset: max(view.startOffset, next.baseOffset))
    return step
  }

  /// Closes the segment that takes the writes if it holds entries older than `age`, in nanoseconds.
  mutating func rollIfOld(_ age: UInt64) throws(CommitLogError) {
    try checkWritable()
    if try view.activeIsOld(age, now: options.clock()) { try rollUnlessFull() }
  }
}

extension LogWriter {
  /// Rolls; on a full disk the segment stays as it is, and older ones may still go.
  private mutating func rollUnlessFull() throws(CommitLogError) {
    do throws(CommitLogError) {
      try orPoison { (writer) throws(CommitLogError) in try writer.roll() }
      box.publish(view)
    } catch {
      guard error.isRetryable else { throw error }
    }
  }
}

extension LogEngine {
  /// Removes the oldest segment if `retention`, or that of the options, lets it go.
  ///
  /// - Parameter prepare: told the last entry that is to go, before it goes; false: it must not yet.
  package func applyRetention(
    by retention: Retention? = nil,
    _ prepare: (_ last: UInt64) throws(CommitLogError) -> Bool = { _ in true }
  ) throws(CommitLogError) -> RetentionStep? {
    try changing { (writer) throws(CommitLogError) in
      try writer.applyRetention(retention ?? options.retention, prepare)
    }
  }

  /// Where the log would begin if `retention` were applied, and why there; nil where nothing may go. Closes the last
  /// segment if that holds entries that are too old.
  package func retentionTarget(
    _ retention: Retention
  ) throws(CommitLogError) -> (offset: UInt64, index: UInt64, cause: RetentionStep.Cause)? {
    guard !retention.keepsEverything else { return nil }
    try rollIfOld(retention.age)
    let now = options.clock()
    var view = currentView
    var cause: RetentionStep.Cause?
    while let next = try view.expiry(retention, now: now) {
      cause = next
      view.segments.removeFirst()
    }
    guard let cause else { return nil }
    let first = view.segments[0]
    return (max(view.startOffset, first.baseOffset), first.firstIndex - 1, cause)
  }

  /// Closes the segment that takes the writes if it holds entries older than `age`, in nanoseconds; 0 = never.
  package func rollIfOld(_ age: UInt64) throws(CommitLogError) {
    guard age > 0 else { return }
    try changing { (writer) throws(CommitLogError) in try writer.rollIfOld(age) }
  }

  /// Removes the oldest segment if the log is to begin behind it; nil when the log begins where it is to.
  ///
  /// - Parameters:
  ///   - offset: of the first record that is to be served.
  ///   - index: the last entry that is to go, if a segment ends with it.
  ///   - prepare: as of `applyRetention`.
  package func advanceStart(
    to offset: UInt64, through index: UInt64, cause: RetentionStep.Cause,
    _ prepare: (_ last: UInt64) throws(CommitLogError) -> Bool
  ) throws(CommitLogError) -> RetentionStep? {
    try changing { (writer) throws(CommitLogError) in
      try writer.advanceStart(to: offset, through: index, cause, prepare)
    }
  }

  /// The last entry that lies wholly before the record `offset`, which must be in the log or its end: one that is gone
  /// already is refused.
  package func lastIndex(before offset: UInt64) throws(CommitLogError) -> UInt64 {
    try consistently { (view) throws(CommitLogError) in
      guard offset >= view.segments[0].baseOffset else {
        throw .offsetTruncated(offset: offset, start: view.startOffset)
      }
      guard offset < view.tail.nextOffset else { return view.tail.nextIndex - 1 }
      let segment = view.segments[view.segment(ofOffset: offset)]
      return try segment.frame(holding: offset).header.index - 1
    }
  }
  /// The last entry that is in a closed segment.
  package var lastClosedIndex: UInt64 {
    let segments = currentView.segments
    return segments[segments.count - 1].firstIndex - 1
  }
  /// The last entry of each closed segment.
  package var segmentEnds: [UInt64] { currentView.segments.dropFirst().map { $0.firstIndex - 1 } }
  /// The first entry that is kept.
  package var firstIndex: UInt64 { currentView.firstIndex }
  /// The offset of its first record, which need not be served any more.
  package var firstOffset: UInt64 { currentView.segments[0].baseOffset }
}

extension CommitLog {
  /// Removes what `Options.retention` does not keep, now, and returns what went, oldest first. Nothing is removed by
  /// itself: call this from time to time, for example once a minute.
  ///
  /// The log's start is on disk before a file is deleted. Reads below it throw `offsetTruncated`. Works on a full disk.
  public func applyRetention() throws(CommitLogError) -> [RetentionStep] {
    var steps: [RetentionStep] = []
    while let step = try engine.applyRetention() { steps.append(step) }
    return steps
  }
}
