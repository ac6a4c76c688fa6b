package import ClusterModel
package import CommitLog
package import RaftAPI
package import RaftCore

/// A node's part in a group: the Raft core over a log on disk. Synchronous and deterministic: what it is told at a moment
/// leads to the same effects each time, so that the node and the simulator run the same.
///
/// The log is Raft's log: an entry is a frame, written once. What is applied is a function of the frames (offsets,
/// producers, membership), kept twice: as of the last entry applied, and as of the log's end, at which the leader judges
/// requests. Truncation takes the second back to the first and replays what is left between (RAFT-RULES 24 and 25).
package final class Replica<D: Disk> {
  package struct Settings: Sendable {
    package var raft = RaftSettings()
    package var log = CommitLog.Options()
    /// Of one AppendEntries, but for a single larger entry.
    package var appendBytes = 1 << 20

    package init() {}
  }

  package let id: NodeID
  package let settings: Settings
  /// The membership before the first entry.
  let founders: [MemberEntry]
  package let disk: ReplicaDisk<D>
  package internal(set) var core: RaftCore

  /// State as of the last entry applied.
  package internal(set) var applied: ReplicatedState
  /// State as of the log's end.
  package internal(set) var latest: ReplicatedState
  /// The headers of the entries between, and the bodies of control entries.
  var pending: [PendingEntry] = []
  var waiters: [Waiter] = []
  package internal(set) var isDiskFull = false
  /// Told of each entry as it comes to stand at the log's end, and as it is applied.
  package var onEntry: ((_ entry: PendingEntry, _ isApplied: Bool) -> Void)?

  // While something is handled.
  var now: Instant
  var effects: [ReplicaEffect] = []
  var toPump: [NodeID] = []
  var piecesRead = 0
  var incoming = StoredFrames()
  var outgoing: FrameBatch?
  var partAtHand: [UInt8] = []

  /// An image on its way to a follower, for each that gets one.
  var imagesOut: [NodeID: OutgoingImage] = [:]
  /// The image that comes.
  var imageIn: IncomingImage?

  /// Opens the data folder at `path`.
  ///
  /// - Parameters:
  ///   - founders: the membership before the first entry, for as long as the log brings no other.
  ///   - isNew: this node has never taken part in a group, so that it need not have a vote on disk.
  package init(
    _ path: String, disk: D, settings: Settings, founders: [MemberEntry], isNew: Bool,
    random: SeededRandom, mutant: RaftMutant? = nil, at now: Instant
  ) throws(CommitLogError) {
    var settings = settings
    settings.log.acknowledgesOnWrite = false
    let engine = try LogEngine(path, disk: disk, options: settings.log) {
      (folder) throws(CommitLogError) in
      try Checkpoints(folder: folder, disk: disk).file(Checkpoints<D>.image).read()?.tail
    }
    let checkpoints = Checkpoints(folder: engine.folder, disk: disk)
    if let image = try checkpoints.file(Checkpoints<D>.image).read() {
      try checkpoints.adoptImage(image)
    }
    let storage = engine.identity.storageID
    let id = NodeID(high: storage.high, low: storage.low)
    let hardState = try HardStateFile(in: engine.folder, of: id, disk: disk, isNew: isNew)
    var opened = try OpenedLog(engine, founders: founders)
    opened.start.hard = hardState.current
    // A single node wrote its entries in term 1 and voted for nobody: that term is over.
    if hardState.current.term < opened.start.log.last.term {
      opened.start.hard = HardState(term: opened.start.log.last.term)
    }
    self.id = id
    self.settings = settings
    self.founders = founders
    self.disk = ReplicaDisk(engine, hardState, founders: founders, mutant: mutant)
    applied = opened.applied
    latest = opened.applied
    pending = opened.pending
    for entry in pending { latest.apply(entry) }
    core = RaftCore(id, settings: settings.raft, start: opened.start, random: random, at: now)
    core.mutant = mutant
    self.now = now
  }

  package var engine: LogEngine<D> { disk.engine }
  /// Records below this offset are committed and on this node's disk.
  package var committedEnd: UInt64 { applied.tail.nextOffset }
  package var deadline: Instant { core.deadline }

  // MARK: Events

  /// Lets the core handle an event; what is to be done about it.
  package func handle(_ event: Event, at now: Instant) -> [ReplicaEffect] {
    within(now) { perform(core.handle(event, at: now)) }
  }

  /// The events of one turn are over.
  package func endTurn(at now: Instant) -> [ReplicaEffect] { handle(.turnEnded, at: now) }

  func within(_ now: Instant, _ body: () -> Void) -> [ReplicaEffect] {
    self.now = max(self.now, now)
    body()
    pump()
    var done: [ReplicaEffect] = []
    swap(&done, &effects)
    return done
  }

  func perform(_ actions: [Action]) {
    for action in actions { perform(action) }
  }

  private func perform(_ action: Action) {
    switch action {
    case .send(let message, let node): effects.append(.send(Packet(message), to: node))
    case .saveHardState(let state): effects.append(.disk(.save(state)))
    case .truncate(let index): truncate(from: index)
    case .write(let first, _, let ticket): write(from: first, ticket)
    case .writeNoOperation(let index, let term, let ticket):
      writeNoOperation(index: index, term: term, ticket)
    case .replicate(let node): if !toPump.contains(node) { toPump.append(node) }
    case .sendImage(let node, let session, let start): sendImage(to: node, session, from: start)
    case .takeImagePart(let part): take(part)
    case .commit(let index): apply(through: index)
    case .roleChanged:
      if core.role != .leader { abandonWaiters() }
      effects.append(.roleChanged)
    case .membershipChanged(let membership): effects.append(.membershipChanged(membership))
    case .readReady(let id, let index): effects.append(.readReady(id: id, index: index))
    case .readFailed(let id): effects.append(.readFailed(id: id))
    case .logConfirmed: effects.append(.disk(.confirmTail))
    case .refused(let refusal, let node): effects.append(.refused(refusal, from: node))
    }
  }

  /// What became of a job given as an effect; in the order of the jobs.
  package func done(_ result: DiskResult, at now: Instant) -> [ReplicaEffect] {
    within(now) {
      switch result {
      case .saved: perform(core.handle(.hardStateSaved, at: now))
      case .truncated, .confirmed: break
      case .image(let state, let node, let session): send(state, to: node, session)
      case .noImage(let error): effects.append(.damaged(error))
      case .installed(let state): installed(state)
      case .notInstalled: perform(core.handle(.imageFailed, at: now))
      case .written(let ticket, _):
        isDiskFull = false
        perform(core.handle(.written(ticket: ticket), at: now))
        // What was on its way to the disk can be read from it now.
        for follower in core.followers where !toPump.contains(follower.node) {
          toPump.append(follower.node)
        }
      case .full: isDiskFull = true
      case .failed:
        perform(core.handle(.diskFailed, at: now))
      }
    }
  }
}

/// Who is to be answered, once the entry `index` is committed. Not nested: what is nested in a generic type has to be made
/// anew at run time by each user.
struct Waiter {
  var id: UInt64
  /// The entry it rests on.
  var index: UInt64
  var outcome: ProposalOutcome
}
