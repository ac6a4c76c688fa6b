@testable import SimulatedDisk
import CommitLog
import Synchronization
import Testing

/// System calls that fail.
@Suite struct FaultTests {
  /// Appends until one fails; what was acknowledged.
  private func appendUntilFailure(
    _ log: SimulatedLog, _ model: inout LogModel, _ clock: TestClock, most: Int
  ) -> CommitLogError? {
    for number in 0..<most {
      let records = [Record(value: Array("value \(number)".utf8)), Record(value: [1, 2])]
      do throws(CommitLogError) {
        _ = try log.append(records)
        model.append(records, time: clock.now)
      } catch {
        return error
      }
    }
    return nil
  }

  @Test
  func `rule 33: EIO at any call poisons: writes are refused, reads go on, nothing acked is lost`()
    throws
  {
    let clock = TestClock()
    let options = CommitLog.Options.small(clock, entries: 4)
    var call = 0
    while true {
      call += 1
      let disk = SimulatedDisk()
      let log = try SimulatedLog("/log", disk: disk, options: options)
      var model = LogModel()
      disk.faults.failingCall = disk.calls + call
      guard let error = appendUntilFailure(log, &model, clock, most: 10) else { break }
      guard case .io(let file, _, 5) = error else {
        Issue.record("call \(call): \(error)")
        return
      }
      #expect(file.hasPrefix("/log"))
      let second = #expect(throws: CommitLogError.self) { _ = try log.append([Record(value: [3])]) }
      guard case .poisoned = second else {
        Issue.record("call \(call): \(String(describing: second))")
        return
      }
      #expect(throws: CommitLogError.self) { try log.truncateSuffix(from: 0) }
      #expect(log.offsets == model.offsets)
      #expect(try log.allRecords() == model.records)
      // What stops then has not stopped well.
      #expect(throws: CommitLogError.self) { try log.close() }
      for fate in CrashFate.allCases {
        var random = SeededRandom(seed: UInt64(call))
        let copy = disk.afterPowerCut(fate, &random)
        let reopened = try SimulatedLog("/log", disk: copy, options: options)
        let records = try reopened.allRecords()
        #expect(
          Array(records.prefix(model.records.count)) == model.records, "call \(call), \(fate)")
        _ = try reopened.append([Record(value: [4])])
      }
    }
    #expect(call > 40)
  }

  @Test func `ENOSPC at any call refuses that write only, or poisons; nothing acked is lost`()
    throws
  {
    let clock = TestClock()
    let options = CommitLog.Options.small(clock, entries: 4)
    var call = 0
    var refused = 0
    while true {
      call += 1
      let disk = SimulatedDisk()
      let log = try SimulatedLog("/log", disk: disk, options: options)
      var model = LogModel()
      disk.faults.code = 28
      let failing = disk.calls + call
      disk.faults.failingCall = failing
      let error = appendUntilFailure(log, &model, clock, most: 10)
      // A refused reservation is tried again with less, so not every failing call is seen.
      if error == nil, disk.calls < failing { break }
      #expect(try log.allRecords() == model.records)
      if case .diskFull = error {
        refused += 1
        #expect(appendUntilFailure(log, &model, clock, most: 6) == nil, "call \(call)")
      }
      for fate in CrashFate.allCases {
        var random = SeededRandom(seed: UInt64(call))
        let copy = disk.afterPowerCut(fate, &random)
        let reopened = try SimulatedLog("/log", disk: copy, options: options)
        let records = try reopened.allRecords()
        #expect(
          Array(records.prefix(model.records.count)) == model.records, "call \(call), \(fate)")
      }
    }
    #expect(call > 40 && refused > 10, "\(call) calls, \(refused) refused")
  }

  @Test func `a batch without frames is no obstacle`() throws {
    let log = try SimulatedLog("/log", disk: SimulatedDisk(), options: .small(TestClock()))
    let batch = FrameBatch()
    batch.begin(
      kind: .noOperation, index: 1, term: 1, baseOffset: 0, logTime: 1, commitMark: 0,
      maxTimestampSoFar: 0)
    batch.end()
    let outcome = log.write([FrameBatch(), batch, FrameBatch()])
    #expect(outcome.written == 3 && outcome.error == nil)
    #expect(log.tail.nextIndex == 2)
  }

  @Test
  func `rule 39: a full disk refuses writes, keeps reads, and is forgotten when there is space`()
    throws
  {
    let clock = TestClock()
    let options = CommitLog.Options.small(clock, entries: 4)
    for spare in stride(from: 0, through: 3_000, by: 37) {
      let disk = SimulatedDisk()
      let log = try SimulatedLog("/log", disk: disk, options: options)
      var model = LogModel()
      #expect(appendUntilFailure(log, &model, clock, most: 3) == nil)
      disk.faults.capacity = disk.state.withLock { $0.used } + spare
      let error = appendUntilFailure(log, &model, clock, most: 200)
      guard case .diskFull = error else {
        Issue.record("\(spare) bytes: \(String(describing: error))")
        return
      }
      #expect(appendUntilFailure(log, &model, clock, most: 1) == error)
      #expect(log.offsets == model.offsets)
      #expect(try log.allRecords() == model.records)
      var random = SeededRandom(seed: UInt64(spare))
      let copy = disk.afterPowerCut(.coin, &random)
      copy.faults.capacity = disk.faults.capacity
      let reopened = try SimulatedLog("/log", disk: copy, options: options)
      #expect(try reopened.allRecords() == model.records)
      disk.faults.capacity = nil
      #expect(appendUntilFailure(log, &model, clock, most: 20) == nil)
      try log.close()
      let last = try SimulatedLog("/log", disk: disk, options: options)
      #expect(try last.allRecords() == model.records)
    }
  }

  @Test func `rule 38: a batch of many frames that meets a full disk half way is taken back whole`()
    throws
  {
    let clock = TestClock()
    let options = CommitLog.Options.small(clock, entries: 4)
    var full = 0
    for spare in stride(from: 0, through: 4_000, by: 50) {
      let disk = SimulatedDisk()
      let log = try SimulatedLog("/log", disk: disk, options: options)
      _ = try log.append([Record(value: [9])])
      let batch = FrameBatch()
      for frame in 0..<10 as Range<UInt64> {
        batch.begin(
          kind: .data, index: 2 + frame, term: 1, baseOffset: 1 + frame, logTime: 5_000,
          commitMark: 1, maxTimestampSoFar: 5_000)
        batch.append(Record(value: [UInt8](repeating: 1, count: 100)))
        batch.end()
      }
      disk.faults.capacity = disk.state.withLock { $0.used } + spare
      let (written, error) = log.write([batch])
      if error == nil { break }
      full += 1
      guard case .diskFull = error else {
        Issue.record("\(spare) bytes: \(String(describing: error))")
        return
      }
      #expect(written == 0)
      #expect(log.offsets == 0..<1)
      disk.faults.capacity = nil
      let second = log.write([batch])
      #expect(second.written == 1 && second.error == nil)
      #expect(log.offsets == 0..<11)
      #expect(log.segmentCount == 3)
    }
    #expect(full > 20)
  }
}
