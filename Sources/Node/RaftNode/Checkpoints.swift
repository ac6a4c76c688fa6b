package import CommitLog
import RaftCore

/// The checkpoints of a log's folder: one at the end of each closed segment, which lives as long as the segment behind it,
/// so that the state before the first entry kept is always at hand; and one of the last clean stop, `checkpoint`.
///
/// What is removed from the front of the log has one that is durable before. None is needed otherwise: where one is
/// missing or damaged, an earlier one and the entries behind it say the same.
struct Checkpoints<D: Disk> {
  static var suffix: String { ".checkpoint" }
  static var ofStop: String { "checkpoint" }
  /// An image that takes the place of the log while this file is there.
  static var image: String { "image" }

  let folder: String
  let disk: D

  static func name(_ index: UInt64) -> String {
    let digits = String(index)
    return String(repeating: "0", count: 20 - digits.count) + digits + suffix
  }

  func file(_ name: String) -> CheckpointFile<D> { CheckpointFile(name, in: folder, disk: disk) }

  /// Ascending: the entries at which there are some.
  func indexes() throws(CommitLogError) -> [UInt64] {
    try disk.names(in: folder).compactMap { name in
      name.hasSuffix(Self.suffix) ? UInt64(name.dropLast(Self.suffix.count)) : nil
    }
  }

  /// Of those the ones in `range`; without a list of the whole folder where that is one entry.
  private func indexes(in range: ClosedRange<UInt64>) throws(CommitLogError) -> [UInt64] {
    guard range.lowerBound == range.upperBound else { return try indexes().filter(range.contains) }
    return exists(range.lowerBound) ? [range.lowerBound] : []
  }

  /// Whether there is one for the entry at `index`.
  func exists(_ index: UInt64) -> Bool { disk.exists(folder + "/" + Self.name(index)) }

  func write(_ state: ReplicatedState) throws(CommitLogError) {
    try file(Self.name(state.tail.nextIndex - 1)).write(state)
  }

  /// The state as of the latest entry in `range` for which it was kept and can be read.
  func latest(in range: ClosedRange<UInt64>) throws(CommitLogError) -> ReplicatedState? {
    var best: ReplicatedState?
    if let stop = try? file(Self.ofStop).read(), range.contains(stop.tail.nextIndex - 1) {
      best = stop
    }
    for index in try indexes(in: range).reversed() {
      if let best, best.tail.nextIndex > index { break }
      do throws(CommitLogError) {
        guard let state = try file(Self.name(index)).read(), state.tail.nextIndex == index + 1
        else { continue }
        return state
      } catch {
        guard case .corrupt = error else { throw error }
      }
    }
    return best
  }

  /// The state before the entry `first`, or where that was lost the earliest that is known; nil where none was ever kept.
  func stateBefore(_ first: UInt64) throws(CommitLogError) -> ReplicatedState? {
    if let exact = try latest(in: (first - 1)...(first - 1)) { return exact }
    for index in try indexes() where index >= first {
      if let state = try? file(Self.name(index)).read() { return state }
    }
    return nil
  }

  /// The last entry for which something was kept, in this log or before it was cut.
  func lastIndex() throws(CommitLogError) -> UInt64? {
    let stop = (try? file(Self.ofStop).read()).map { $0.tail.nextIndex - 1 }
    guard let last = try indexes().last else { return stop }
    return max(last, stop ?? 0)
  }

  /// Removes those of entries before `index`.
  func remove(before index: UInt64) throws(CommitLogError) {
    for old in try indexes() where old < index { try disk.remove(folder + "/" + Self.name(old)) }
  }

  /// An image that came for this log is from now on what is before its first entry.
  func adoptImage(_ state: ReplicatedState) throws(CommitLogError) {
    let index = state.tail.nextIndex - 1
    try disk.rename(folder + "/" + Self.image, to: folder + "/" + Self.name(index))
    try disk.syncFolder(folder)
    try remove(before: index)
  }
}

extension Replica {
  var checkpoints: Checkpoints<D> { Checkpoints(folder: engine.folder, disk: engine.disk) }

  /// Keeps what follows from the entries up to `last`, which are about to be removed; on the disk's thread.
  ///
  /// - Returns: false while they are not all applied.
  package func keepState(
    through last: UInt64, applied: UInt64
  ) throws(CommitLogError) -> Bool {
    guard last <= applied else { return false }
    if disk.mutant == .segmentsRemovedWithoutState { return true }
    let checkpoints = checkpoints
    if try checkpoints.latest(in: last...last) == nil {
      let state = try state(through: last)
      do throws(CommitLogError) {
        try checkpoints.write(state)
      } catch {
        // Retention makes room on a full disk, and must not need any.
        guard case .diskFull = error, engine.disk.exists(reserve) else { throw error }
        try engine.disk.remove(reserve)
        try engine.disk.syncFolder(engine.folder)
        try checkpoints.write(state)
      }
    }
    return true
  }

  /// The state as of the entry `index`: the latest one kept, and the entries behind that.
  private func state(through index: UInt64) throws(CommitLogError) -> ReplicatedState {
    let first = engine.firstIndex
    var state: ReplicatedState
    if index + 1 >= first, let kept = try checkpoints.latest(in: (first - 1)...index) {
      state = kept
    } else {
      state = try OpenedLog.base(of: engine, founders: founders)
    }
    guard state.tail.nextIndex <= index else { return state }
    try OpenedLog.entries(from: state.tail.nextIndex, through: index, of: engine) { entry in
      state.apply(entry)
    }
    return state
  }

  /// Makes the state as of the end of each closed segment behind `from` durable, some of those that are missing a call, so
  /// that writes get their turn; on the disk's thread.
  ///
  /// - Returns: up to where that is done.
  package func checkpointClosedSegments(
    from: UInt64, applied: UInt64
  ) throws(CommitLogError) -> UInt64 {
    var done = from
    var made = 0
    for end in engine.segmentEnds where end > done && end <= applied && end >= engine.firstIndex {
      if !checkpoints.exists(end) {
        guard made < 16 else { break }
        try checkpoints.write(try state(through: end))
        made += 1
      }
      done = end
    }
    return done
  }

  /// Makes the state as of the last entry applied durable, before the log is closed.
  package func checkpointAll() throws(CommitLogError) {
    try checkpoints.file(Checkpoints<D>.ofStop).write(applied)
  }

  /// Removes what was kept for entries that are themselves gone.
  package func removeOldCheckpoints() throws(CommitLogError) {
    try checkpoints.remove(before: engine.firstIndex - 1)
  }

  private var reserve: String { engine.folder + "/reserve" }

  /// Sees to it that there is room for a checkpoint on a full disk; where there is none now, a later call does.
  package func keepReserve() {
    guard !engine.disk.exists(reserve) else { return }
    guard let file = try? engine.disk.create(reserve) else { return }
    do {
      try file.reserve(from: 0, to: 64 << 10)
      try file.sync()
      try engine.disk.syncFolder(engine.folder)
    } catch {
      try? engine.disk.remove(reserve)
    }
  }
}
