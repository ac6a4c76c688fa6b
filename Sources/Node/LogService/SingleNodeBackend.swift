package import CommitLog
package import LogAPI
package import NIOCore
import Protobuf
import Synchronization

/// A log replicated to nobody: what is on this node's disk is committed.
///
/// Its event loop places records (offset, index, time) and builds frames; the disk thread writes and
/// syncs them. While one write is on its way everything else gathers, and goes with the next: under
/// load one fdatasync serves thousands of records, and a lone caller waits for no timer
/// (`GroupTiming`).
///
/// Invariant: `gathering` and `batch` hold the same requests in the same order.
package final class SingleNodeBackend: LogBackend, @unchecked Sendable {
  /// Requests are gathered into one frame up to this size, so that checksums, index entries and
  /// headers are shared without making a reader verify much for one record.
  private static let frameBytes = 256 << 10
  /// A single node is its own leader, for ever in its first term.
  private static let onlyTerm: UInt64 = 1

  package let log: CommitLog
  package var term: UInt64 { Self.onlyTerm }

  private let eventLoop: any EventLoop
  private let disk: DiskThread
  private let limits: ServiceLimits
  private let clock: @Sendable () -> UInt64
  private let loops: [ServiceLoop]
  private let onChange: @Sendable (LogFailure?) -> Void

  private let end: Atomic<UInt64>
  private let failure = Mutex<LogFailure?>(nil)

  // Confined to `eventLoop`.
  /// The cost of what was placed and is not on disk.
  private var unwritten = 0
  private let requests: ProduceRequestReader
  private var batch: FrameBatch
  private var spare: FrameBatch?
  private var tail: LogTail
  /// The last entry known to be on disk. Entries behind it that still gather must not be told of as
  /// committed: recovery takes what a frame vouches for as proof of damage.
  private var committedIndex: UInt64
  private var frame = OpenFrame()
  private var gathering: [Origin] = []
  private var writing: [Origin] = []
  private var isWriting = false
  private var timing = GroupTiming()
  private var gatheredRequests = 0
  private var writtenRequests = 0
  private var writeBegan: UInt64 = 0
  /// Starts the next write when those it waits for do not come.
  private var startTimer: Scheduled<Void>?
  /// Set when the backend is to stop; done when nothing is on its way any more.
  private var idle: EventLoopPromise<Void>?

  private struct Origin {
    let submission: Submission
    let loop: ServiceLoop
    /// False for one that only waits for its turn to be answered: answers of one stream go out in
    /// the order of its requests.
    var isPlaced = false
  }

  private struct OpenFrame {
    var isOpen = false
    var logTime: UInt64 = 0
  }

  /// - Parameters:
  ///   - loops: every loop that submits; they are told of each commit.
  ///   - clock: nanoseconds since 1970.
  ///   - onChange: told when writes begin to fail, and with nil when they succeed again; on
  ///     `eventLoop`.
  package init(
    log: CommitLog, disk: DiskThread, eventLoop: any EventLoop, loops: [ServiceLoop],
    limits: ServiceLimits, clock: @escaping @Sendable () -> UInt64,
    onChange: @escaping @Sendable (LogFailure?) -> Void
  ) {
    self.onChange = onChange
    self.log = log
    self.disk = disk
    self.eventLoop = eventLoop
    self.loops = loops
    self.limits = limits
    self.clock = clock
    requests = ProduceRequestReader(maxRecords: limits.batchRecords)
    tail = log.tail
    end = Atomic(log.tail.nextOffset)
    committedIndex = log.tail.nextIndex - 1
    batch = FrameBatch(capacity: 1 << 20)
  }

  package func servers(_ about: ServerDescription, address: String) -> GetServersResponse {
    var server = Server()
    server.id = about.nodeID
    server.rpcAddr = address
    server.isLeader = true
    server.role = .voter
    server.reachable = true
    server.appliedIndex = log.tail.nextIndex - 1
    var response = GetServersResponse()
    response.servers = [server]
    response.version = 1
    response.term = term
    response.clusterId = about.clusterID
    response.leaderId = about.nodeID
    return response
  }

  package var committedEnd: UInt64 { end.load(ordering: .acquiring) }

  package var writeFailure: LogFailure? { failure.withLock { $0 } }

  package func submit(_ submission: Submission, from loop: ServiceLoop) {
    let origin = Origin(submission: submission, loop: loop)
    if eventLoop.inEventLoop {
      accept(origin)
    } else {
      let box = UncheckedBox(origin)
      eventLoop.execute { self.accept(box.value) }
    }
  }

  /// Takes no more requests, and returns when all that were taken are answered.
  package func stop() async {
    let stopped = eventLoop.flatSubmit { [self] in
      let promise = idle ?? eventLoop.makePromise(of: Void.self)
      idle = promise
      if !isWriting { write() }
      settleIdle()
      return promise.futureResult
    }
    // The promise is never failed.
    try? await stopped.get()
  }

  // MARK: - On the log's loop

  private func accept(_ origin: Origin) {
    var origin = origin
    if let refusal = refusal(of: origin.submission) {
      origin.submission.refuse(refusal)
    } else {
      gatheredRequests += place(origin.submission)
      unwritten += origin.submission.cost
      origin.isPlaced = true
    }
    gathering.append(origin)
    if !isWriting { writeInTime() }
  }

  /// Why a submission must not be placed; nil when it may.
  private func refusal(of submission: Submission) -> LogFailure? {
    if idle != nil { return .draining }
    if let failure = writeFailure, case .fenced = failure { return failure }
    guard unwritten == 0 || unwritten + submission.cost <= limits.unwrittenBytes else {
      return .overloaded(limit: limits.unwrittenBytes)
    }
    return nil
  }

  /// Gives each request its offsets and copies its records into the frames of the next write; how
  /// many requests that were.
  private func place(_ submission: Submission) -> Int {
    let now = max(clock(), tail.lastLogTime)
    let (batch, requests) = (batch, requests)
    return submission.placeEach { request, count in
      if frame.isOpen, batch.openBodyBytes + request.count > Self.frameBytes { endFrame() }
      if !frame.isOpen { beginFrame(at: now) }
      let first = tail.nextOffset
      let timestamp = RequestRecords.append(request, by: requests) { append($0, to: batch) }
      let placed = tail.nextOffset - first
      precondition(placed == count, "placed \(placed) records of \(count) validated")
      return (first, timestamp)
    }
  }

  @inline(__always)
  private func append(_ record: RecordFields, to batch: FrameBatch) -> UInt64 {
    let timestamp = record.timestamp == 0 ? frame.logTime : record.timestamp
    batch.append(record)
    tail.maxTimestamp = max(tail.maxTimestamp, timestamp)
    tail.nextOffset += 1
    return timestamp
  }

  private func beginFrame(at now: UInt64) {
    frame = OpenFrame(isOpen: true, logTime: now)
    tail.lastLogTime = now
    batch.begin(
      kind: .data, index: tail.nextIndex, term: Self.onlyTerm, baseOffset: tail.nextOffset,
      logTime: now, commitMark: committedIndex, maxTimestampSoFar: tail.maxTimestamp)
  }

  private func endFrame() {
    batch.end()
    frame.isOpen = false
    tail.nextIndex += 1
  }

  /// Writes what has gathered, now or when those come back that were just answered.
  private func writeInTime() {
    guard !gathering.isEmpty, idle == nil,
      let start = timing.start(
        gathered: gatheredRequests, now: NIODeadline.now().uptimeNanoseconds)
    else { return write() }
    guard startTimer == nil else { return }
    startTimer = eventLoop.scheduleTask(deadline: .uptimeNanoseconds(start)) { [self] in
      startTimer = nil
      if !isWriting { write() }
    }
  }

  private func write() {
    startTimer?.cancel()
    startTimer = nil
    guard gatheredRequests > 0 else {
      let refused = gathering
      gathering.removeAll(keepingCapacity: true)
      return resolve(refused, .success(Self.onlyTerm))
    }
    if frame.isOpen { endFrame() }
    isWriting = true
    timing.starts(gathered: gatheredRequests)
    writtenRequests = gatheredRequests
    gatheredRequests = 0
    writeBegan = NIODeadline.now().uptimeNanoseconds
    swap(&writing, &gathering)
    let full = batch
    batch = spare ?? FrameBatch(capacity: 1 << 20)
    spare = nil
    disk.write(full, to: log) { [self] result, written in
      let box = UncheckedBox(written)
      eventLoop.execute { self.wrote(box.value, result) }
    }
  }

  private func wrote(_ written: FrameBatch, _ result: Result<Void, CommitLogError>) {
    isWriting = false
    written.reset()
    spare = written
    let done = writing
    writing.removeAll(keepingCapacity: true)
    for origin in done where origin.isPlaced { unwritten -= origin.submission.cost }
    switch result {
    case .success: commit(done)
    case .failure(let error): refuse(done, error)
    }
    settleIdle()
  }

  private func commit(_ done: [Origin]) {
    noteState(nil)
    let durable = log.tail
    committedIndex = durable.nextIndex - 1
    end.store(durable.nextOffset, ordering: .sequentiallyConsistent)
    let now = NIODeadline.now().uptimeNanoseconds
    timing.wrote(
      writtenRequests, took: now - writeBegan, gathered: gatheredRequests, now: now)
    for loop in loops { loop.committed() }
    // The next write is under way while these are answered.
    writeInTime()
    resolve(done, .success(Self.onlyTerm))
  }

  private func resolve(_ origins: [Origin], _ result: Result<UInt64, LogFailure>) {
    for origin in origins { origin.loop.resolve(origin.submission, result) }
  }

  private func settleIdle() {
    if !isWriting, gathering.isEmpty { idle?.succeed() }
  }

  private func noteState(_ now: LogFailure?) {
    let before = failure.withLock { state in
      let before = state
      state = now
      return before
    }
    // Thousands of requests may fail for one reason, which is worth one line in a log.
    if before != now { onChange(now) }
  }

  /// Answers what was not written, and refuses what had gathered behind it: its offsets rested on
  /// records that do not exist.
  private func refuse(_ failed: [Origin], _ error: CommitLogError) {
    let why = LogFailure(of: error)
    let later: LogFailure
    switch why {
    case .diskFull, .outOfFiles: later = why
    default: later = .fenced(reason: "\(error)")
    }
    noteState(later)
    let behind = gathering
    gathering.removeAll()
    gatheredRequests = 0
    unwritten = 0
    startTimer?.cancel()
    startTimer = nil
    batch.reset()
    frame.isOpen = false
    tail = log.tail
    for origin in failed { origin.submission.refuse(why) }
    for origin in behind { origin.submission.refuse(later) }
    resolve(failed + behind, .failure(later))
  }
}

extension LogFailure {
  /// What a failed write means for the records in it.
  init(of error: CommitLogError) {
    switch error {
    case .diskFull(let file): self = .diskFull(file: file)
    case .outOfFiles(let file): self = .outOfFiles(file: file)
    case .closed: self = .fenced(reason: "\(error)")
    default: self = .outcomeUnknown(reason: "\(error)")
    }
  }
}

/// Carries a value that one thread at a time owns across a hand-over.
struct UncheckedBox<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}
