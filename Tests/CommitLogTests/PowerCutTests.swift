@testable import SimulatedDisk
import CommitLog
import Testing

/// Power cuts on the simulated disk: what was acknowledged is there afterwards.
@Suite struct PowerCutTests {
  /// The first thing lost when the power is cut after each of `operations`; nil if nothing is.
  static func firstLoss(seed: UInt64, operations: Int, syncLies: Bool) throws -> String? {
    var run = try ModelRun(seed: seed)
    var random = SeededRandom(seed: seed + 1)
    run.disk.faults.syncLies = syncLies
    for operation in 0..<operations {
      try run.step(crashing: false)
      let fate = CrashFate.allCases[operation % CrashFate.allCases.count]
      let copy = run.disk.afterPowerCut(fate, &random)
      do {
        let log = try SimulatedLog("/log", disk: copy, options: .small(run.clock))
        let records = try log.allRecords()
        if log.offsets != run.model.offsets || records != run.model.records {
          return
            "seed \(seed), operation \(operation), \(fate): \(log.offsets), not \(run.model.offsets)"
        }
      } catch {
        return "seed \(seed), operation \(operation), \(fate): \(error)"
      }
    }
    return nil
  }

  @Test func `a power cut after any of 2,000 operations loses nothing acknowledged`() throws {
    let loss = try PowerCutTests.firstLoss(seed: 11, operations: 2_000, syncLies: false)
    #expect(loss == nil)
  }

  @Test func `the same test finds a disk whose fdatasync does nothing within five runs`() throws {
    let losses = try (0..<5).compactMap { seed in
      try PowerCutTests.firstLoss(seed: UInt64(seed), operations: 200, syncLies: true)
    }
    #expect(!losses.isEmpty)
  }

  // MARK: Between two system calls

  /// A log whose next batch rolls, and its model.
  private func prepared(
    _ random: inout SeededRandom
  ) throws -> (disk: SimulatedDisk, log: SimulatedLog, model: LogModel, clock: TestClock) {
    let clock = TestClock()
    let disk = SimulatedDisk()
    let log = try SimulatedLog("/log", disk: disk, options: .small(clock, entries: 4))
    var model = LogModel()
    for number in 0..<12 as Range<UInt64> {
      let records = [Record(value: Array("value \(number)".utf8)), random.record(number)]
      _ = try log.append(records)
      model.append(records, time: clock.now)
    }
    return (disk, log, model, clock)
  }

  /// Cuts the power after each system call of `operation` in turn; the log must then be as one of `allowed` says.
  private func cutAnywhere(
    _ operation: (SimulatedLog) throws -> Void,
    allowed: (LogModel, UInt64) -> [LogModel]
  ) throws {
    var random = SeededRandom(seed: 3)
    let whole = try prepared(&random)
    let before = whole.disk.calls
    try operation(whole.log)
    let count = whole.disk.calls - before
    #expect(count > 4)
    for call in 0..<count {
      for fate in CrashFate.allCases {
        var random = SeededRandom(seed: 3)
        let (disk, log, model, clock) = try prepared(&random)
        disk.faults.powerOffAfter = disk.calls + call
        #expect(throws: CommitLogError.self) { try operation(log) }
        let copy = disk.afterPowerCut(fate, &random)
        let reopened = try SimulatedLog("/log", disk: copy, options: .small(clock, entries: 4))
        let records = try reopened.allRecords()
        let fits = allowed(model, clock.now).contains { $0.records == records }
        #expect(fits, "call \(call), \(fate): \(reopened.offsets), \(model.offsets) before")
        _ = try reopened.append([Record(value: [1])])
        try reopened.close()
        let again = try SimulatedLog("/log", disk: copy, options: .small(clock, entries: 4))
        #expect(try again.allRecords().count == records.count + 1)
      }
    }
  }

  @Test
  func `rules 34 and 35: a power cut between any two system calls of a roll leaves the log whole`()
    throws
  {
    let batch = [Record(value: Array("rolls".utf8))]
    try cutAnywhere({ _ = try $0.append(batch) }) { model, time in
      var after = model
      after.append(batch, time: time)
      return [model, after]
    }
  }

  @Test func `a power cut between any two system calls of truncateSuffix leaves no gap`() throws {
    try cutAnywhere({ try $0.truncateSuffix(from: 6) }) { model, _ in
      stride(from: UInt64(6), through: 24, by: 2).map { end in
        var after = model
        after.truncateSuffix(from: end)
        return after
      }
    }
  }

  @Test func `a power cut between any two system calls of truncatePrefix moves the start or not`()
    throws
  {
    try cutAnywhere({ try $0.truncatePrefix(before: 17) }) { model, _ in
      var after = model
      after.truncatePrefix(before: 17)
      return [model, after]
    }
  }

  @Test func `a power cut between any two system calls of a close loses nothing`() throws {
    try cutAnywhere({ try $0.close() }) { model, _ in [model] }
  }

  @Test func `a power cut while several frames are written keeps a first part of them`() throws {
    for call in 0..<6 {
      for fate in CrashFate.allCases {
        for seed in 0..<8 as Range<UInt64> {
          var random = SeededRandom(seed: seed)
          let clock = TestClock()
          let disk = SimulatedDisk()
          let options = CommitLog.Options.small(clock, segmentBytes: 1 << 16, entries: 100)
          let log = try SimulatedLog("/log", disk: disk, options: options)
          _ = try log.append([Record(value: [9])])
          let batch = FrameBatch()
          for frame in 0..<8 as Range<UInt64> {
            batch.begin(
              kind: .data, index: 2 + frame, term: 1, baseOffset: 1 + frame, logTime: 5_000,
              commitMark: 1, maxTimestampSoFar: 5_000)
            batch.append(Record(value: [UInt8](repeating: UInt8(frame), count: 400)))
            batch.end()
          }
          disk.faults.powerOffAfter = disk.calls + call
          _ = log.write([batch])
          let copy = disk.afterPowerCut(fate, &random)
          let reopened = try SimulatedLog("/log", disk: copy, options: options)
          let records = try reopened.allRecords()
          #expect(records.first?.value == [9])
          for (offset, record) in records.enumerated() { #expect(record.offset == UInt64(offset)) }
        }
      }
    }
  }

  @Test func `a power cut while a data folder is made leaves one that opens`() throws {
    let clock = TestClock()
    let whole = SimulatedDisk()
    _ = try SimulatedLog("/log", disk: whole, options: .small(clock))
    for call in 0..<whole.calls {
      for fate in CrashFate.allCases {
        var random = SeededRandom(seed: UInt64(call))
        let disk = SimulatedDisk()
        disk.faults.powerOffAfter = call
        #expect(throws: CommitLogError.self) {
          _ = try SimulatedLog("/log", disk: disk, options: .small(clock))
        }
        let copy = disk.afterPowerCut(fate, &random)
        let log = try SimulatedLog("/log", disk: copy, options: .small(clock))
        #expect(log.offsets == 0..<0)
        _ = try log.append([Record(value: [1])])
      }
    }
  }
}
