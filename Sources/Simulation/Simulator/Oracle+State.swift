import RaftAPI

/// What follows from what was committed, at any entry.
extension Oracle {
  /// Entries between two states that are kept.
  private static let stateStep = 256

  /// The state as of the committed entry `index`.
  mutating func state(at index: UInt64) -> Replay {
    let end = Int(index)
    var state = states[min(end / Oracle.stateStep, states.count - 1)]
    while Int(state.index) < end {
      let place = Int(state.index)
      state.apply(committed[place], bodies[state.index + 1] ?? [])
      // The next one that is to be kept.
      if Int(state.index) == states.count * Oracle.stateStep { states.append(state) }
    }
    return state
  }

  /// Somebody asks the leader to let the log begin there.
  mutating func asks(for start: LogStart) { askedStarts.append(start) }

  /// Where the log begins by all that was committed up to now.
  var start: LogStart { starts.last?.start ?? LogStart() }

  /// By the entries up to `index`.
  func start(at index: UInt64) -> LogStart {
    starts.last { $0.index <= index }?.start ?? LogStart()
  }

  /// A log start was committed: one that was asked for; the log begins there, or where it did if that is further on.
  mutating func begins(at entry: LogStart, by index: UInt64) {
    if !askedStarts.contains(where: { $0.offset == entry.offset && $0.index == entry.index }) {
      fail("entry \(index) lets the log begin at \(entry.offset), which nobody asked for")
    }
    var next = start
    next.offset = max(next.offset, entry.offset)
    next.index = max(next.index, entry.index)
    starts.append((index, next))
  }
}
