import CommitLog
import GRPCWire
import LogAPI
import NIOCore
import RPC

/// One ConsumeStream: sends from the log as fast as flow control takes it, then waits at the tail.
///
/// It is pulled: a message is read from the log only when HTTP/2 has taken the one before, so a
/// consumer that reads nothing holds one message of memory here and costs nobody else anything.
final class ConsumeStreamCall: ServerCallHandler, TailWaiter, OpenCall {
  private enum Phase {
    /// Nothing asked for yet.
    case opening
    /// A message may be sent whenever there is room.
    case sending
    /// At the log's end.
    case waiting
    /// A look-up or a cold read is on its way.
    case reading
    case over
  }

  private let service: LogServiceCore
  private let loop: ServiceLoop
  private let call: ServerCall
  private var phase = Phase.opening
  private var cursor: LogCursor
  private var reply: ConsumeReply?
  private var stop = ConsumePlan.Stop.never
  private var lost: UInt64 = 0
  private var heartbeat: HeartbeatTimer?
  private var blockedSince: NIODeadline?
  private var coldReads = 0

  init(_ service: LogServiceCore, _ loop: ServiceLoop, _ call: ServerCall) {
    self.service = service
    self.loop = loop
    self.call = call
    cursor = LogCursor(nextOffset: 0)
    loop.opened(self)
  }

  // MARK: - Opening

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    let request: ConsumeRequest
    switch service.decode(ConsumeRequest.self, message) {
    case .failure(let status): return finish(status)
    case .success(let decoded): request = decoded
    }
    reply = ConsumeReply(request, limits: service.limits, isStream: true)
    if request.heartbeatMs > 0 {
      heartbeat = HeartbeatTimer(every: .milliseconds(Int64(request.heartbeatMs))) { [weak self] in
        self?.sendHeartbeat()
      }
      heartbeat?.start(on: loop.eventLoop)
    }
    guard request.consistency == .linearizable else { return plan(request) }
    phase = .reading
    service.catchUp(on: loop.eventLoop) { [weak self] refusal in
      guard let self, case .reading = self.phase else { return }
      if let refusal { self.finish(refusal) } else { self.plan(request) }
    }
  }

  private func plan(_ request: ConsumeRequest) {
    switch ConsumePlan.make(request, available: service.available) {
    case .failure(let status): finish(status)
    case .success(let plan): begin(plan)
    }
  }

  private func begin(_ plan: ConsumePlan) {
    stop = plan.stop
    lost = plan.lost
    switch plan.start {
    case .at(let offset):
      cursor = LogCursor(nextOffset: offset)
      phase = .sending
      pump()
    case .timestamp(let time):
      phase = .reading
      service.findOffset(at: time, on: loop.eventLoop) { [weak self] result in
        guard let self, case .reading = self.phase else { return }
        switch result {
        case .failure(let error): self.finish(self.service.status(of: error))
        case .success(let found):
          self.cursor = LogCursor(nextOffset: found?.offset ?? self.service.available.upperBound)
          self.phase = .sending
          self.pump()
        }
      }
    }
  }

  func receiveEnd(on call: ServerCall) {}

  // MARK: - Sending

  func readyToSend(on call: ServerCall) {
    blockedSince = nil
    if case .sending = phase { pump() }
  }

  func recordsCommitted() {
    guard case .waiting = phase else { return }
    phase = .sending
    pump()
  }

  private func pump() {
    guard let reply else { return }
    while case .sending = phase {
      // Half: a message just short of the whole must not have another one put behind it.
      guard call.bufferedBytes < service.limits.streamMessageBytes / 2 else {
        if blockedSince == nil { blockedSince = .now() }
        return
      }
      let end = service.committedEnd
      var limit = end
      if case .offset(let stopOffset) = stop {
        if cursor.nextOffset >= stopOffset { return finish(.ok) }
        limit = min(end, stopOffset)
      }
      guard cursor.nextOffset < limit else {
        phase = .waiting
        return loop.wait(self, past: max(end, cursor.nextOffset))
      }
      step(reply, limit: limit, end: end)
    }
  }

  private func step(_ reply: ConsumeReply, limit: UInt64, end: UInt64) {
    let limits = RunGatherer.Limits(
      offset: limit,
      records: reply.isSingle ? service.limits.batchRecords : reply.mostRecords,
      bytes: reply.mostBytes)
    if let filter = reply.filter { return scan(reply, limits, filter) }
    let position = position(end: end)
    do throws(CommitLogError) {
      let outcome = try loop.reader.read(&cursor, limits, mayBlock: coldReads > 4) { run in
        if reply.isSingle {
          reply.sendSingles(run, position, on: call)
        } else {
          reply.sendBatch(run, position, on: call)
        }
      }
      switch outcome {
      case .run:
        coldReads = 0
        sent()
      case .atEnd:
        phase = .waiting
        loop.wait(self, past: end)
      case .wouldBlock:
        readCold(limit: limit, reply)
      }
    } catch {
      finish(service.status(of: error))
    }
  }

  private func position(end: UInt64) -> ConsumeReply.Position {
    .init(end: end, start: service.available.lowerBound, lost: lost)
  }

  private func sent() {
    lost = 0
    heartbeat?.sent()
  }

  /// Looks into records on the thread for that, and goes on here with what passed.
  private func scan(
    _ reply: ConsumeReply, _ limits: RunGatherer.Limits, _ filter: RecordFilter
  ) {
    phase = .reading
    service.scan(from: cursor, limits, filter, on: loop.eventLoop) { [weak self] part in
      guard let self, case .reading = self.phase else { return }
      if let failure = part.failure { return self.finish(Status(failure)) }
      self.cursor = part.cursor
      if !part.records.isEmpty {
        reply.send(
          part.records, next: part.nextOffset, self.position(end: self.service.committedEnd),
          on: self.call)
        self.sent()
      }
      if part.hasStopped { return self.finish(.ok) }
      self.goOn()
    }
  }

  private func goOn() {
    guard case .reading = phase else { return }
    phase = .sending
    pump()
  }

  /// Lets the reader thread bring the bytes into the page cache, then goes on here: the loop also
  /// serves everybody else. It waits for the disk itself only where the cache lost, several times
  /// over, what was just read.
  private func readCold(limit: UInt64, _ reply: ConsumeReply) {
    phase = .reading
    coldReads += 1
    service.warm(cursor, limit: limit, bytes: reply.mostBytes, on: loop.eventLoop) { [weak self] in
      self?.goOn()
    }
  }

  private var isIdle: Bool {
    switch phase {
    case .waiting, .reading: true
    case .opening, .sending, .over: false
    }
  }

  private func sendHeartbeat() {
    // A long scan for a filter is told of as well: without a word the client would take it for a stall.
    guard isIdle, let reply, call.bufferedBytes == 0 else { return }
    let available = service.available
    reply.sendPosition(
      next: cursor.nextOffset,
      .init(end: available.upperBound, start: available.lowerBound), heartbeat: true, on: call)
  }

  // MARK: - Ending

  func ended(_ reason: CallEnd, on call: ServerCall) {
    release()
  }

  func statusAtDeadline(on call: ServerCall) -> Status { .deadlineExceeded }

  var serverCall: ServerCall? { call }

  func refuse(_ status: Status) { finish(status) }

  func drain() { finish(.draining) }

  func check(_ now: NIODeadline) {
    guard let blockedSince,
      now - blockedSince > TimeAmount(service.limits.consumerStall)
    else { return }
    let limit = service.limits.consumerStall
    guard release() else { return }
    call.finish(
      .consumerStalled(nextOffset: cursor.nextOffset, after: limit),
      orResetAfter: TimeAmount(min(limit, .seconds(30))))
  }

  private func finish(_ status: Status) {
    guard release() else { return }
    call.finish(status)
  }

  /// False when the call was over already.
  @discardableResult
  private func release() -> Bool {
    if case .over = phase { return false }
    phase = .over
    heartbeat?.stop()
    heartbeat = nil
    loop.stopWaiting(self)
    loop.closed(self)
    return true
  }
}
