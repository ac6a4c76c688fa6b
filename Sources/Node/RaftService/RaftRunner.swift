package import ClusterModel
package import CommitLog
package import NIOCore
import RPC
import RaftAPI
import RaftCore
package import RaftNode
import Synchronization
package import TLS

/// Runs a replica on an event loop: gives it time, messages and requests, and carries out what it decides. The log's files
/// are written by a disk thread; what gathers while that is at work goes with its next turn.
///
/// Everything is confined to the event loop but `identity`, `status` and what says otherwise.
package final class RaftRunner: @unchecked Sendable {
  package struct Settings: Sendable {
    /// A disk that takes longer for what it was given is taken for hanging; nanoseconds.
    package var slowDisk: UInt64 = 2_000_000_000
    /// How much of the disk stays free.
    package var room = DiskRoom()
    /// Between two attempts to write to a full disk.
    package var fullDiskRetry = TimeAmount.milliseconds(200)
    /// This server's certificate as a client of the others; nil: in the clear, for tests.
    package var tls: TLSContext?
    /// host:port where this server listens, for those that do not know it yet.
    package var address = ""

    package init() {}
  }

  package let identity: LogIdentity
  package let id: NodeID
  package let eventLoop: any EventLoop
  let settings: Settings
  let replica: Replica<LinuxDisk>
  let notice: @Sendable (RaftNotice) -> Void
  private let published = Mutex(RaftStatus())

  // Links.
  private let certificate: Mutex<TLSContext?>
  /// This server's certificate as a client of the others.
  var tlsInUse: TLSContext? { certificate.withLock { $0 } }
  var links: [NodeID: PeerLink] = [:]
  /// Servers that this one's log does not name as members, and that speak to it: a leader that adds it, for one.
  var strangers: [NodeID: PeerAddress] = [:]
  /// Since when servers to which there is a link are members no more.
  var departing: [NodeID: Instant] = [:]
  /// What was told of messages that were dropped.
  var refused: Set<Refused> = []

  // The disk.
  let diskThread: DiskThread
  var jobs: [DiskJob] = []
  var isDiskBusy = false
  var isDiskStalled = false
  var diskBegan = Instant.zero
  var noRoom: CommitLogError?
  var diskFailure: CommitLogError?
  var retry: Scheduled<Void>?

  /// Up to here the state is in the checkpoint; the disk thread's own.
  var checkpointed: UInt64 = 0
  /// Files of the log that are being mended.
  var mending: [String: Task<Void, Never>] = [:]
  /// Damaged ones, for which there is no other server.
  var hopeless: Set<String> = []
  /// Since when, in nanoseconds since 1970, there is cause for each kind of alarm.
  var alarmTimes: [String: UInt64] = [:]

  /// Of the disk's free space, as last seen.
  var roomLevel = DiskRoom.Level.enough

  /// Starts the next write when those that it waits for do not come.
  var buildTimer: Scheduled<Void>?

  // Requests.
  var source: (any RecordSource)?
  /// Memory of a batch that is on disk, for the next.
  var spare: FrameBatch?
  var proposers: [UInt64: (ProposalOutcome) -> Void] = [:]
  var readers: [UInt64: (UInt64?) -> Void] = [:]
  /// Reads that wait for an entry to be applied.
  var lateReaders: [LateReader] = []
  /// Not from 0: what others answer to an earlier life of this server is no answer to this one.
  var lastRequest = UInt64.random(in: 1...(1 << 61))
  /// Those who wait for leadership to be handed over.
  var leavers: [UInt64: EventLoopPromise<Void>] = [:]
  private var readyWaiters: [CheckedContinuation<Void, Never>] = []

  // Time.
  private var timer: Scheduled<Void>?
  private var timerDue = Instant.never
  private var stallCheck: RepeatedTask?
  private var turnIsScheduled = false
  var isStopping = false
  var stopped: EventLoopPromise<Void>?

  /// - Parameters:
  ///   - diskThread: writes the log and nothing else; the caller stops it after `stop`.
  ///   - notice: told on the event loop.
  package init(
    _ replica: sending Replica<LinuxDisk>, settings: Settings, diskThread: DiskThread,
    eventLoop: any EventLoop, notice: @escaping @Sendable (RaftNotice) -> Void
  ) {
    identity = replica.engine.identity
    id = replica.id
    self.replica = replica
    self.settings = settings
    certificate = Mutex(settings.tls)
    self.diskThread = diskThread
    self.eventLoop = eventLoop
    self.notice = notice
  }

  /// The latest state of affairs. Any thread.
  package var status: RaftStatus { published.withLock { $0 } }

  package static func now() -> Instant { Instant(nanoseconds: NIODeadline.now().uptimeNanoseconds) }

  /// The log, to be read; records from `status.committedEnd` on are none yet.
  package var log: CommitLog { CommitLog(replica.engine) }

  /// Begins. Any thread.
  ///
  /// - Parameter source: where records come from in bulk, if anywhere.
  package func start(_ source: (any RecordSource & Sendable)? = nil) {
    eventLoop.execute { [self] in
      self.source = source
      source?.committed(replica.applied.tail.nextIndex - 1, end: replica.committedEnd)
      connect()
      publish()
      arm()
      stallCheck = eventLoop.scheduleRepeatedTask(
        initialDelay: .milliseconds(250), delay: .milliseconds(250)
      ) { [weak self] _ in self?.lookAround() }
    }
  }

  /// Returns when this server leads and can take records, or stops. Any thread.
  package func whenReady() async {
    await withCheckedContinuation { continuation in
      eventLoop.execute { [self] in
        readyWaiters.append(continuation)
        publish()
      }
    }
  }

  /// Uses another certificate as a client of the others from now on. Any thread.
  package func replaceTLS(_ tls: TLSContext) {
    certificate.withLock { $0 = tls }
    eventLoop.execute { [self] in
      for link in links.values { link.close() }
      links.removeAll()
      connect()
    }
  }

  /// Another server says where it listens. Any thread.
  func heard(from node: NodeID, at address: PeerAddress) {
    eventLoop.execute { [self] in
      guard strangers[node] != address, !replica.latest.members.contains(where: { $0.id == node })
      else { return }
      if strangers.count >= Self.mostStrangers { strangers.removeAll() }
      strangers[node] = address
      connect()
    }
  }

  private static let mostStrangers = 16

  /// A server whose messages were dropped, and why.
  struct Refused: Hashable {
    var node: NodeID
    var refusal: MessageRefusal
  }

  /// A message of another server. Any thread.
  package func receive(_ packet: Packet, from node: NodeID) {
    guard eventLoop.inEventLoop else {
      return eventLoop.execute { self.receive(packet, from: node) }
    }
    step { replica.receive(packet, from: node, at: $0) }
  }

  /// Ends all that is on its way, then closes the log; requests that wait are answered as unknown.
  package func stop() async throws(CommitLogError) {
    let done = eventLoop.flatSubmit { [self] in
      let promise = stopped ?? eventLoop.makePromise(of: Void.self)
      stopped = promise
      beginToStop()
      return promise.futureResult
    }
    // The promise is never failed.
    try? await done.get()
    let unfinished = try? await eventLoop.submit { Array(self.mending.values) }.get()
    for task in unfinished ?? [] {
      task.cancel()
      await task.value
    }
    let failure = diskFailure == nil ? checkpointFailure() : nil
    try replica.engine.close()
    if let failure { throw failure }
  }

  /// Keeps the state for a start that has nothing to replay. Without room for it a start reads more.
  private func checkpointFailure() -> CommitLogError? {
    do throws(CommitLogError) {
      try replica.checkpointAll()
      return nil
    } catch {
      return error.isRetryable ? nil : error
    }
  }

  private func beginToStop() {
    guard !isStopping else { return }
    isStopping = true
    timer?.cancel()
    stallCheck?.cancel()
    retry?.cancel()
    buildTimer?.cancel()
    for link in links.values { link.close() }
    links.removeAll()
    abandonRequests()
    source?.leadershipEnded(term: replica.core.hard.term)
    if source?.hasRecords == true { source?.refused(.raft(.notLeader(nil))) }
    source = nil
    hasLeft()
    publish()
    if !isDiskBusy { stopped?.succeed() }
  }

  // MARK: Steps

  /// Lets the replica handle something and carries out what follows.
  func step(_ body: (Instant) -> [ReplicaEffect]) {
    guard !isStopping else { return }
    carryOut(body(Self.now()))
    endTurnSoon()
    arm()
  }

  /// The record source has something. On the event loop.
  package func hasRecords() { endTurnSoon() }

  /// What was put off is done once all that could be read now has been handled.
  func endTurnSoon() {
    guard !turnIsScheduled else { return }
    turnIsScheduled = true
    eventLoop.assumeIsolated().execute { self.endTurn() }
  }

  private func endTurn() {
    turnIsScheduled = false
    guard !isStopping else { return }
    appendGathered()
    carryOut(replica.endTurn(at: Self.now()))
    startDisk()
    source?.turnEnded()
    publish()
    arm()
  }

  /// Sees to it that the replica hears of time in time. The timer is moved only forward in time when it fires: most
  /// deadlines are put off before they come.
  private func arm() {
    let due = replica.deadline
    guard due < timerDue, due < .never else { return }
    timer?.cancel()
    timerDue = due
    let deadline = NIODeadline.uptimeNanoseconds(due.nanoseconds)
    timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.tick() }
  }

  private func tick() {
    timerDue = .never
    guard !isStopping else { return }
    guard Self.now() >= replica.deadline else { return arm() }
    step { replica.handle(.tick, at: $0) }
  }

  func publish() {
    let core = replica.core
    var now = RaftStatus()
    now.role = core.role
    now.term = core.hard.term
    now.leader = core.leader
    now.members = replica.latest.members
    now.start = replica.applied.start
    now.settings = replica.applied.settings
    now.lastIndex = core.log.lastIndex
    now.commitIndex = core.commit
    now.appliedIndex = replica.applied.tail.nextIndex - 1
    now.committedEnd = replica.committedEnd
    now.noRoom = noRoom
    now.room = roomLevel
    now.diskFailure = diskFailure
    now.isReady = core.role == .leader && core.hasCommittedInTerm
    now.membershipIndex = core.membershipIndex
    now.reachable = Set(links.filter { $0.value.isConnected }.keys)
    now.alarms = alarms()
    let before = published.withLock { published in
      let before = published
      published = now
      return before
    }
    if (before.role, before.term, before.leader) != (now.role, now.term, now.leader)
      || before.members != now.members || before.noRoom != now.noRoom || before.room != now.room
    {
      notice(.changed(now))
    }
    if before.start != now.start { notice(.logStartMoved) }
    // A server whose disk is full, or has failed, serves what it has.
    if now.isReady || isStopping || now.noRoom != nil || now.diskFailure != nil {
      let waiters = readyWaiters
      readyWaiters.removeAll()
      for waiter in waiters { waiter.resume() }
    }
  }
}
