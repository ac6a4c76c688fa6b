import CommitLog
import GRPCWire
import LogAPI
import NIOCore
import RPC

/// One unary Consume: the records at an offset, at once or within `wait_ms`.
final class ConsumeCall: ServerCallHandler, TailWaiter, OpenCall {
  private let service: LogServiceCore
  private let loop: ServiceLoop
  private let call: ServerCall
  private var cursor = LogCursor(nextOffset: 0)
  private var reply: ConsumeReply?
  private var stop = ConsumePlan.Stop.never
  private var lost: UInt64 = 0
  private var wait: Scheduled<Void>?
  private var maySleep = false
  private var isOver = false
  private var coldReads = 0

  init(_ service: LogServiceCore, _ loop: ServiceLoop, _ call: ServerCall) {
    self.service = service
    self.loop = loop
    self.call = call
  }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    let request: ConsumeRequest
    switch service.decode(ConsumeRequest.self, message) {
    case .failure(let status): return finish(status)
    case .success(let decoded): request = decoded
    }
    reply = ConsumeReply(request, limits: service.limits, isStream: false)
    if request.waitMs > 0 { startWaiting(request.waitMs) }
    guard request.consistency == .linearizable else { return plan(request) }
    service.catchUp(on: loop.eventLoop) { [weak self] refusal in
      guard let self, !self.isOver else { return }
      if let refusal { self.finish(refusal) } else { self.plan(request) }
    }
  }

  private func plan(_ request: ConsumeRequest) {
    switch ConsumePlan.make(request, available: service.available) {
    case .failure(let status): finish(status)
    case .success(let plan): begin(plan)
    }
  }

  private func startWaiting(_ milliseconds: UInt32) {
    maySleep = true
    loop.opened(self)
    let longest = TimeAmount(service.limits.longestWait)
    let amount = min(.milliseconds(Int64(milliseconds)), longest)
    wait = loop.eventLoop.assumeIsolated().scheduleTask(in: amount) { [weak self] in
      guard let self, !self.isOver else { return }
      self.maySleep = false
      self.finishEmpty()
    }
  }

  var serverCall: ServerCall? { call }

  func refuse(_ status: Status) {
    if maySleep { finish(status) }
  }

  func drain() { refuse(.draining) }

  func check(_ now: NIODeadline) {}

  private func begin(_ plan: ConsumePlan) {
    stop = plan.stop
    lost = plan.lost
    switch plan.start {
    case .at(let offset):
      cursor = LogCursor(nextOffset: offset)
      answer()
    case .timestamp(let time):
      service.findOffset(at: time, on: loop.eventLoop) { [weak self] result in
        guard let self, !self.isOver else { return }
        switch result {
        case .failure(let error): self.finish(self.service.status(of: error))
        case .success(let found):
          self.cursor = LogCursor(nextOffset: found?.offset ?? self.service.available.upperBound)
          self.answer()
        }
      }
    }
  }

  func recordsCommitted() {
    if !isOver { answer() }
  }

  private func answer() {
    guard let reply, !isOver else { return }
    let end = service.committedEnd
    var limit = end
    if case .offset(let stopOffset) = stop {
      limit = min(end, stopOffset)
      if cursor.nextOffset >= stopOffset { return finishEmpty() }
    }
    guard cursor.nextOffset < limit else {
      guard maySleep else { return finishEmpty() }
      return loop.wait(self, past: max(end, cursor.nextOffset))
    }
    step(reply, limit: limit, end: end)
  }

  private func step(_ reply: ConsumeReply, limit: UInt64, end: UInt64) {
    let limits = RunGatherer.Limits(
      offset: limit, records: reply.mostRecords, bytes: reply.mostBytes)
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
      case .run: finish(.ok)
      case .atEnd: finishEmpty()
      case .wouldBlock:
        coldReads += 1
        service.warm(cursor, limit: limit, bytes: reply.mostBytes, on: loop.eventLoop) {
          [weak self] in
          if let self, !self.isOver { self.answer() }
        }
      }
    } catch {
      finish(service.status(of: error))
    }
  }

  private func position(end: UInt64) -> ConsumeReply.Position {
    .init(end: end, start: service.available.lowerBound, lost: lost)
  }

  /// Looks into records on the thread for that, and goes on here with what passed.
  private func scan(
    _ reply: ConsumeReply, _ limits: RunGatherer.Limits, _ filter: RecordFilter
  ) {
    service.scan(from: cursor, limits, filter, on: loop.eventLoop) { [weak self] part in
      guard let self, !self.isOver else { return }
      if let failure = part.failure { return self.finish(Status(failure)) }
      self.cursor = part.cursor
      guard part.records.isEmpty else {
        reply.send(
          part.records, next: part.nextOffset, self.position(end: self.service.committedEnd),
          on: self.call)
        return self.finish(.ok)
      }
      if part.hasStopped { self.finishEmpty() } else { self.answer() }
    }
  }

  /// There is no record to give: an error as in proglog, but for calls that were ready to wait, or
  /// that name their end, which get an empty answer with the position.
  private func finishEmpty() {
    let available = service.available
    let mayBeEmpty = wait != nil || stop != .never || reply?.filter != nil
    guard mayBeEmpty else {
      return finish(.offsetOutOfRange(offset: cursor.nextOffset, available: available))
    }
    reply?.sendPosition(
      next: cursor.nextOffset,
      .init(end: available.upperBound, start: available.lowerBound, lost: lost),
      heartbeat: false, on: call)
    finish(.ok)
  }

  func receiveEnd(on call: ServerCall) {}

  func readyToSend(on call: ServerCall) {}

  func ended(_ reason: CallEnd, on call: ServerCall) {
    release()
  }

  func statusAtDeadline(on call: ServerCall) -> Status { .deadlineExceeded }

  private func finish(_ status: Status) {
    guard !isOver else { return }
    release()
    call.finish(status)
  }

  private func release() {
    isOver = true
    wait?.cancel()
    loop.stopWaiting(self)
    loop.closed(self)
  }
}
