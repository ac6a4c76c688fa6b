import LogAPI

/// A produce call that waits for its records to be on disk.
///
/// A base class instead of a protocol: one of these is called for every request, and a virtual
/// call costs a fifth of one through an existential.
class ProduceWaiter {
  /// Who asks; the log's loop needs it of idempotent producers.
  let subject: String
  /// Why no further request of the call is to be written: one failed, and the call ends with that.
  /// The log's loop's own.
  fileprivate var cut: LogFailure?

  init(subject: String) { self.subject = subject }

  /// Whether requests before the one that is being submitted wait for their answers, which go out first.
  var hasUnanswered: Bool { false }

  /// The records of `entries`, requests of this call that follow each other, are committed.
  func committed(_ entries: UnsafeBufferPointer<Submission.Entry>, term: UInt64) {
    preconditionFailure("committed(_:term:) is for subclasses")
  }

  /// The records of `entry` are not acknowledged; `failure` says whether that is certain.
  func failed(_ entry: Submission.Entry, _ failure: LogFailure) {
    preconditionFailure("failed(_:_:) is for subclasses")
  }
}

/// The produce requests that one event loop read in one turn, on their way to the log and back.
///
/// It is handed over whole, so that a thread is woken per turn and not per request. It belongs to
/// one thread at a time: the loop that filled it, the log's loop, then the first again.
package final class Submission: @unchecked Sendable {
  /// One request.
  package struct Entry {
    /// Where the serialized ProduceRequest lies in the submission's bytes.
    package let start: Int
    package let length: Int
    /// Records in the request; at least one.
    package let count: Int
    /// A failure is reported in the stream, which stays open.
    package let wantsInlineFailure: Bool
    /// It is of an idempotent producer, or expects an offset.
    fileprivate let isJudged: Bool
    /// It was in the log already, at `firstOffset`.
    package fileprivate(set) var isDuplicate = false
    /// Set when the log has given the records their place.
    package fileprivate(set) var firstOffset: UInt64 = 0
    /// The first record's timestamp, nanoseconds since 1970.
    package fileprivate(set) var timestamp: UInt64 = 0

    package var lastOffset: UInt64 { firstOffset + UInt64(count) - 1 }
  }

  /// Requests of one call that follow each other: so many have one reference and one answer's work.
  private struct Run {
    let waiter: ProduceWaiter
    /// Behind the last of its entries.
    var end: Int
    /// Why these were not written; nil when they share the fate of their group.
    var refusal: LogFailure?
    /// Some of these were refused alone: `refusals` says which.
    var hasRefusals = false
  }

  package private(set) var entries: [Entry] = []
  private var runs: [Run] = []
  /// Why single entries were not written, in their order.
  private var refusals: [(entry: Int, failure: LogFailure)] = []
  private var lastWaiter: ObjectIdentifier?
  /// Some of the calls wait for answers to earlier requests: this one's must not overtake them.
  package private(set) var isOrdered = false
  package private(set) var byteCount = 0
  private var recordCount = 0

  /// What it holds in memory until it is on disk: offset, term and time are added to each record.
  package var cost: Int { byteCount + 32 * recordCount }
  private var memory: UnsafeMutableRawBufferPointer

  package init() {
    memory = .allocate(byteCount: 64 << 10, alignment: 16)
  }

  deinit {
    memory.deallocate()
  }

  package var isEmpty: Bool { entries.isEmpty }

  /// Copies a request whose `count` records are known to be acceptable.
  func add(
    _ request: UnsafeRawBufferPointer, count: Int, inlineFailure: Bool = false,
    isJudged: Bool = false, for waiter: ProduceWaiter
  ) {
    precondition(count > 0, "a request without records must be refused, not submitted")
    let needed = byteCount + request.count
    if needed > memory.count { grow(to: needed) }
    UnsafeMutableRawBufferPointer(rebasing: memory[byteCount..<needed]).copyMemory(from: request)
    entries.append(
      Entry(
        start: byteCount, length: request.count, count: count,
        wantsInlineFailure: inlineFailure, isJudged: isJudged))
    byteCount = needed
    recordCount += count
    if lastWaiter == ObjectIdentifier(waiter) {
      runs[runs.count - 1].end = entries.count
    } else {
      runs.append(Run(waiter: waiter, end: entries.count))
      if waiter.hasUnanswered { isOrdered = true }
      lastWaiter = ObjectIdentifier(waiter)
    }
  }

  /// Where the log put a request: its first record's offset, and that record's timestamp.
  package typealias Place = (firstOffset: UInt64, timestamp: UInt64)

  /// What became of a request that the log had to judge.
  package enum Placement {
    case placed(Place)
    case duplicate(firstOffset: UInt64)
    case refused(LogFailure)
  }

  /// Asks `body` for the place of each serialized ProduceRequest, in their order, but for those of
  /// calls that end with an earlier failure; how many were placed. Those that the log has to judge are given to `judge`
  /// instead. On the log's loop.
  package func placeEach(
    _ body: (_ request: UnsafeRawBufferPointer, _ count: Int) -> Place,
    judge: (_ request: UnsafeRawBufferPointer, _ count: Int, _ subject: String) -> Placement
  ) -> Int {
    let memory = UnsafeRawBufferPointer(memory)
    var start = 0
    var placed = 0
    for number in runs.indices {
      let range = start..<runs[number].end
      start = range.upperBound
      if let cut = runs[number].waiter.cut {
        runs[number].refusal = cut
        continue
      }
      placed += range.count
      let waiter = runs[number].waiter
      entries.withUnsafeMutableBufferPointer { all in
        for index in range {
          if all[index].isJudged {
            judgeOne(&all[index], index, of: number, waiter, memory, judge)
            continue
          }
          // What follows a refused request is not written.
          if waiter.cut != nil { refuseOne(index, of: number, waiter.cut) }
          guard waiter.cut == nil else { continue }
          let (start, length) = (all[index].start, all[index].length)
          let request = UnsafeRawBufferPointer(rebasing: memory[start..<(start + length)])
          let place = body(request, all[index].count)
          all[index].firstOffset = place.firstOffset
          all[index].timestamp = place.timestamp
        }
      }
    }
    return placed
  }

  private func judgeOne(
    _ entry: inout Entry, _ index: Int, of run: Int, _ waiter: ProduceWaiter,
    _ memory: UnsafeRawBufferPointer,
    _ judge: (UnsafeRawBufferPointer, Int, String) -> Placement
  ) {
    guard waiter.cut == nil else { return refuseOne(index, of: run, waiter.cut) }
    let request = UnsafeRawBufferPointer(
      rebasing: memory[entry.start..<(entry.start + entry.length)])
    switch judge(request, entry.count, waiter.subject) {
    case .placed(let place):
      entry.firstOffset = place.firstOffset
      entry.timestamp = place.timestamp
    case .duplicate(let firstOffset):
      entry.firstOffset = firstOffset
      entry.isDuplicate = true
    case .refused(let failure):
      if !entry.wantsInlineFailure { waiter.cut = failure }
      refuseOne(index, of: run, failure)
    }
  }

  private func refuseOne(_ index: Int, of run: Int, _ failure: LogFailure?) {
    guard let failure else { return }
    runs[run].hasRefusals = true
    refusals.append((index, failure))
  }

  /// Notes that nothing of it is written. Calls that do not take failures in their stream end with
  /// this one, so what they have on the way already must not be written either. On the log's loop.
  ///
  /// - Parameter end: what was in the log already, before this offset, is committed and answered as such.
  func refuse(_ failure: LogFailure, butDuplicatesBelow end: UInt64 = 0) {
    var start = 0
    for number in runs.indices {
      let range = start..<runs[number].end
      start = range.upperBound
      guard runs[number].refusal == nil else { continue }
      if entries[range].allSatisfy({ $0.isDuplicate && $0.lastOffset < end }) { continue }
      runs[number].refusal = failure
      if entries[range].contains(where: { !$0.wantsInlineFailure }) {
        runs[number].waiter.cut = failure
      }
    }
  }

  /// Tells every waiter. Call it on the loop that filled the submission.
  package func resolve(_ result: Result<UInt64, LogFailure>) {
    entries.withUnsafeBufferPointer { all in
      var start = 0
      for run in runs {
        let part = UnsafeBufferPointer(rebasing: all[start..<run.end])
        start = run.end
        switch run.refusal.map({ .failure($0) }) ?? result {
        case .success(let term) where run.hasRefusals:
          resolveOneByOne(run, all, start - part.count..<start, term)
        case .success(let term): run.waiter.committed(part, term: term)
        case .failure(let failure): for entry in part { run.waiter.failed(entry, failure) }
        }
      }
    }
  }

  private func resolveOneByOne(
    _ run: Run, _ all: UnsafeBufferPointer<Entry>, _ range: Range<Int>, _ term: UInt64
  ) {
    var next = refusals.firstIndex { $0.entry >= range.lowerBound } ?? refusals.count
    for index in range {
      if next < refusals.count, refusals[next].entry == index {
        run.waiter.failed(all[index], refusals[next].failure)
        next += 1
      } else {
        run.waiter.committed(UnsafeBufferPointer(rebasing: all[index...index]), term: term)
      }
    }
  }

  /// Makes it ready for another turn; memory is kept unless a burst made it large.
  package func reset() {
    entries.removeAll(keepingCapacity: entries.capacity <= 64 << 10)
    runs.removeAll(keepingCapacity: runs.capacity <= 64 << 10)
    refusals.removeAll()
    lastWaiter = nil
    isOrdered = false
    byteCount = 0
    recordCount = 0
    if memory.count > 4 << 20 {
      memory.deallocate()
      memory = .allocate(byteCount: 64 << 10, alignment: 16)
    }
  }

  private func grow(to needed: Int) {
    let larger = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(needed, memory.count * 2), alignment: 16)
    larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<byteCount]))
    memory.deallocate()
    memory = larger
  }
}
