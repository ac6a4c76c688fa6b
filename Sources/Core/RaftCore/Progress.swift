import ClusterModel

/// The leader's view of one follower.
struct Progress: Sendable {
  enum State: Equatable, Sendable {
    /// Where the logs agree is not known: one message at a time.
    case probing
    /// Entries are sent ahead, as many as the window allows.
    case replicating
    /// The entries it needs are gone: it is being sent an image.
    case receivingImage
  }

  /// One AppendEntries on its way.
  struct InFlight: Equatable, Sendable {
    var lastIndex: UInt64
    var bytes: Int
  }

  let node: NodeID
  /// The follower's log is the leader's up to here, on its disk. Never goes down within a session.
  var match: UInt64 = 0
  /// The next entry to send.
  var next: UInt64
  var state = State.probing
  /// Counts attempts to bring the follower up to date, of all leaders of this node's life.
  var session: UInt64
  /// A probe is on its way.
  var isPaused = false
  var inFlight: [InFlight] = []
  var inFlightBytes = 0
  /// When it last said anything in this term.
  var lastHeard: Instant
  /// When `match` last rose or nothing was on its way.
  var lastAdvance: Instant
  /// The last round of heartbeats it answered.
  var round: UInt64 = 0
  /// It has not been told of the commit index.
  var owesCommit = false

  init(_ node: NodeID, next: UInt64, session: UInt64, at now: Instant) {
    self.node = node
    self.next = next
    self.session = session
    lastHeard = now
    lastAdvance = now
  }

  mutating func sent(through index: UInt64, bytes: Int, at now: Instant) {
    if inFlight.isEmpty { lastAdvance = now }
    inFlight.append(InFlight(lastIndex: index, bytes: bytes))
    inFlightBytes += bytes
    next = index + 1
    owesCommit = false
  }

  /// What was sent up to `index` has arrived.
  mutating func matched(_ index: UInt64, at now: Instant) {
    if index > match {
      match = index
      lastAdvance = now
    }
    next = max(next, match + 1)
    var done = 0
    while done < inFlight.count, inFlight[done].lastIndex <= index {
      inFlightBytes -= inFlight[done].bytes
      done += 1
    }
    inFlight.removeFirst(done)
    isPaused = false
    state = .replicating
  }

  /// Starts again: what is on its way counts no more.
  mutating func restart(next: UInt64, session: UInt64, at now: Instant) {
    self.next = next
    self.session = session
    match = 0
    state = .probing
    isPaused = false
    inFlight.removeAll()
    inFlightBytes = 0
    lastAdvance = now
  }

  func hasRoom(_ settings: RaftSettings) -> Bool {
    switch state {
    case .probing: !isPaused
    case .replicating:
      inFlight.count < settings.windowMessages && inFlightBytes < settings.windowBytes
    case .receivingImage: false
    }
  }
}
