@testable import SimulatedDisk
import CommitLog
import Testing

/// A process that has no descriptor left.
@Suite struct OutOfFilesTests {
  private let clock = TestClock()
  private var options: CommitLog.Options { .small(clock, entries: 4) }

  /// Appends `count` batches; each that finds no descriptor is tried once more. How many were refused.
  private func append(
    _ count: Int, to log: SimulatedLog, _ model: inout LogModel, size: (Int) -> Int = { _ in 5 }
  ) throws -> Int {
    var refused = 0
    for number in 0..<count {
      let records = [Record(value: [UInt8](repeating: UInt8(number), count: size(number)))]
      do throws(CommitLogError) {
        _ = try log.append(records)
      } catch .outOfFiles {
        refused += 1
        #expect(log.offsets == model.offsets)
        #expect(try log.allRecords() == model.records)
        _ = try log.append(records)
      }
      model.append(records, time: clock.now)
    }
    return refused
  }

  /// Every fate of a power cut, and a close, leave what was acknowledged.
  private func check(_ log: SimulatedLog, on disk: SimulatedDisk, _ model: LogModel) throws {
    disk.faults.failingOpen = nil
    for fate in CrashFate.allCases {
      var random = SeededRandom(seed: UInt64(disk.opens))
      let copy = disk.afterPowerCut(fate, &random)
      let reopened = try SimulatedLog("/log", disk: copy, options: options)
      #expect(try reopened.allRecords() == model.records, "\(fate)")
      _ = try reopened.append([Record(value: [4])])
    }
    try log.close()
    let last = try SimulatedLog("/log", disk: disk, options: options)
    #expect(try last.allRecords() == model.records)
  }

  @Test func `a roll that finds no descriptor is refused, tried again, and nothing is lost`() throws
  {
    var refused = 0
    for call in 1... {
      let disk = SimulatedDisk()
      let log = try SimulatedLog("/log", disk: disk, options: options)
      var model = LogModel()
      let failing = disk.opens + call
      disk.faults.failingOpen = failing
      refused += try append(14, to: log, &model)
      if disk.opens < failing { break }
      try check(log, on: disk, model)
    }
    // Three segments begun, each with an index, its mapping and a store.
    #expect(refused == 9)
  }

  @Test func `after a refused roll, a batch that still fits goes into the old segment`() throws {
    for call in 1...3 {
      let disk = SimulatedDisk()
      let options = CommitLog.Options.small(clock, segmentBytes: 512)
      let log = try SimulatedLog("/log", disk: disk, options: options)
      var model = LogModel()
      #expect(try append(1, to: log, &model) { _ in 200 } == 0)
      disk.faults.failingOpen = disk.opens + call
      let large = [Record(value: [UInt8](repeating: 1, count: 400))]
      let error = #expect(throws: CommitLogError.self) { _ = try log.append(large) }
      guard case .outOfFiles = error else {
        Issue.record("opening \(call): \(String(describing: error))")
        return
      }
      #expect(try append(1, to: log, &model) == 0)
      #expect(log.segmentCount == 1)
      _ = try log.append(large)
      model.append(large, time: clock.now)
      #expect(log.segmentCount == 2)
      try check(log, on: disk, model)
    }
  }

  @Test func `cutting back to an old segment opens its index again, or waits for a descriptor`()
    throws
  {
    for call in 1...4 {
      let disk = SimulatedDisk()
      let log = try SimulatedLog("/log", disk: disk, options: options)
      var model = LogModel()
      #expect(try append(14, to: log, &model) == 0)
      disk.faults.failingOpen = disk.opens + call
      try log.truncateSuffix(from: 5)
      model.truncateSuffix(from: 5)
      #expect(try append(8, to: log, &model) == 1, "opening \(call)")
      try check(log, on: disk, model)
    }
  }

  @Test func `opening a log without descriptors says so and changes nothing`() throws {
    let disk = SimulatedDisk()
    let log = try SimulatedLog("/log", disk: disk, options: options)
    var model = LogModel()
    #expect(try append(14, to: log, &model) == 0)
    var refused = 0
    for call in 1... {
      var random = SeededRandom(seed: UInt64(call))
      let copy = disk.afterPowerCut(.coin, &random)
      copy.faults.failingOpen = call
      do throws(CommitLogError) {
        _ = try SimulatedLog("/log", disk: copy, options: options)
        break
      } catch {
        guard case .outOfFiles = error else {
          Issue.record("opening \(call): \(error)")
          return
        }
        refused += 1
      }
      let reopened = try SimulatedLog("/log", disk: copy, options: options)
      #expect(try reopened.allRecords() == model.records, "opening \(call)")
    }
    #expect(refused > 12)
  }
}
