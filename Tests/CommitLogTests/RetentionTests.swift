@testable import SimulatedDisk
import CommitLog
import Synchronization
import Testing

/// Retention by size and age, segment by segment.
@Suite struct RetentionTests {
  private static let second: UInt64 = 1_000_000_000

  /// A log of segments of four frames, one record each, a second between two.
  private func prepared(
    _ retention: Retention, records: Int = 22, disk: SimulatedDisk = SimulatedDisk()
  ) throws -> (disk: SimulatedDisk, log: SimulatedLog, clock: TestClock, CommitLog.Options) {
    let clock = TestClock()
    var options = CommitLog.Options.small(clock, entries: 4)
    options.retention = retention
    let log = try SimulatedLog("/log", disk: disk, options: options)
    for number in 0..<records {
      clock.advance(Self.second)
      _ = try log.append([Record(value: Array("value \(number)".utf8))])
    }
    return (disk, log, clock, options)
  }

  private func apply(_ log: SimulatedLog) throws -> [RetentionStep] {
    var steps: [RetentionStep] = []
    while let step = try log.applyRetention() { steps.append(step) }
    return steps
  }

  @Test func `without limits nothing goes`() throws {
    let (_, log, _, _) = try prepared(Retention())
    #expect(try apply(log) == [])
    #expect(log.offsets == 0..<22)
  }

  @Test func `segments go while the rest holds the bytes that are to be kept`() throws {
    let (disk, whole, clock, options) = try prepared(Retention(), records: 22)
    let sizes = disk.paths(ending: ".store").map { disk.bytes($0).count }
    let all = whole.sizeBytes
    try whole.close()
    for keep in stride(from: UInt64(1), through: all + 100, by: 37) {
      var random = SeededRandom(seed: keep)
      var options = options
      options.retention = Retention(bytes: keep)
      let copy = disk.afterPowerCut(.all, &random)
      let log = try SimulatedLog("/log", disk: copy, options: options)
      let steps = try apply(log)
      var rest = all
      var expected = 0
      for size in sizes.dropLast() {
        guard rest - UInt64(size) >= keep else { break }
        rest -= UInt64(size)
        expected += 1
      }
      #expect(steps.count == expected, "\(keep) bytes to be kept")
      #expect(steps.allSatisfy { $0.cause == .bytes && $0.removed.count == 4 })
      #expect(log.sizeBytes == rest)
      #expect(log.offsets == UInt64(expected * 4)..<22)
      #expect(try log.allRecords().map(\.offset) == Array(UInt64(expected * 4)..<22))
    }
    _ = clock
  }

  @Test func `segments go when their newest entry is older than the age`() throws {
    // Appended at seconds 1 to 22; the newest of the segments at 4, 8, 12, 16, 20.
    let (disk, log, clock, options) = try prepared(Retention(age: 10 * Self.second))
    let steps = try apply(log)
    // At second 22 those up to 11 are too old: the segments that end at 4 and 8.
    #expect(steps.map(\.removed) == [0..<4, 4..<8])
    #expect(steps.allSatisfy { $0.cause == .age })
    #expect(try apply(log) == [])
    #expect(log.offsets == 8..<22)
    _ = clock
    try log.close()
    let again = try SimulatedLog("/log", disk: disk, options: options)
    #expect(again.offsets == 8..<22)
    #expect(disk.paths(ending: ".store").count == 4 && disk.paths(ending: ".index").count == 4)
  }

  @Test func `what is seldom written to goes too, and offsets are not used again`() throws {
    let (disk, log, clock, options) = try prepared(Retention(age: 10 * Self.second), records: 2)
    clock.advance(9 * Self.second)
    #expect(try apply(log) == [])
    clock.advance(3 * Self.second)
    #expect(try apply(log).map(\.removed) == [0..<2])
    #expect(log.offsets == 2..<2)
    #expect(try log.append([Record(value: [7])]) == 2..<3)
    try log.close()
    let again = try SimulatedLog("/log", disk: disk, options: options)
    #expect(again.offsets == 2..<3)
    #expect(try again.allRecords().map(\.value) == [[7]])
  }

  @Test func `a reader below the start is told the start, one above goes on`() throws {
    let (_, log, _, _) = try prepared(Retention(bytes: 1))
    let below = EngineReader(log)
    var behind = LogCursor(nextOffset: 0)
    var ahead = LogCursor(nextOffset: 21)
    let follower = EngineReader(log)
    _ = try below.read(&behind, limit: .max, maxRecords: 1, maxBytes: 1, mayBlock: true) { _ in }
    _ = try follower.read(&ahead, limit: .max, maxRecords: 1, maxBytes: 1, mayBlock: true) { _ in }
    _ = try apply(log)
    #expect(log.offsets == 20..<22)
    #expect(throws: CommitLogError.offsetTruncated(offset: 1, start: 20)) {
      _ = try below.read(&behind, limit: .max, maxRecords: 1, maxBytes: 1, mayBlock: true) { _ in }
    }
    _ = try log.append([Record(value: [1])])
    var found: [UInt64] = []
    _ = try follower.read(&ahead, limit: .max, maxRecords: 9, maxBytes: 900, mayBlock: true) {
      found.append($0.firstOffset)
    }
    #expect(found == [22])
  }

  @Test func `retention frees a full disk, and writes go on`() throws {
    let (disk, log, clock, _) = try prepared(Retention(bytes: 500))
    disk.faults.capacity = disk.state.withLock { $0.used }
    var error: CommitLogError?
    for _ in 0..<20 where error == nil {
      do throws(CommitLogError) {
        _ = try log.append([Record(value: [1])])
      } catch let refusal {
        error = refusal
      }
    }
    guard case .diskFull = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    let end = log.offsets.upperBound
    clock.advance(Self.second)
    #expect(try apply(log).isEmpty == false)
    #expect(try log.append([Record(value: [2])]) == end..<end + 1)
  }

  @Test
  func
    `rule 40: a power cut between any two system calls of a retention delete moves the start or not`()
    throws
  {
    let (whole, wholeLog, _, _) = try prepared(Retention(bytes: 300))
    let before = whole.calls
    _ = try apply(wholeLog)
    let count = whole.calls - before
    #expect(count > 20)
    let kept = try wholeLog.allRecords()
    for call in 0..<count {
      for fate in CrashFate.allCases {
        let (disk, log, _, options) = try prepared(Retention(bytes: 300))
        let all = try log.allRecords()
        disk.faults.powerOffAfter = disk.calls + call
        #expect(throws: CommitLogError.self) { _ = try apply(log) }
        var random = SeededRandom(seed: UInt64(call))
        let copy = disk.afterPowerCut(fate, &random)
        let reopened = try SimulatedLog("/log", disk: copy, options: options)
        let start = reopened.offsets.lowerBound
        #expect(start % 4 == 0 && start <= kept[0].offset, "call \(call), \(fate)")
        #expect(try reopened.allRecords() == all.filter { $0.offset >= start })
        #expect(copy.paths(ending: ".store").count == copy.paths(ending: ".index").count)
        _ = try apply(reopened)
        #expect(try reopened.allRecords() == kept, "call \(call), \(fate)")
      }
    }
  }

  @Test func `EIO at any call of a retention delete poisons, and nothing kept is lost`() throws {
    var call = 0
    while true {
      call += 1
      let (disk, log, _, options) = try prepared(Retention(bytes: 300))
      let all = try log.allRecords()
      disk.faults.failingCall = disk.calls + call
      do throws(CommitLogError) {
        while try log.applyRetention() != nil {}
        break
      } catch {
        guard case .io(let file, _, 5) = error else {
          Issue.record("call \(call): \(error)")
          return
        }
        #expect(file.hasPrefix("/log"))
      }
      let refused = #expect(throws: CommitLogError.self) {
        _ = try log.append([Record(value: [1])])
      }
      guard case .poisoned = refused else {
        Issue.record("call \(call): \(String(describing: refused))")
        return
      }
      for fate in CrashFate.allCases {
        var random = SeededRandom(seed: UInt64(call))
        let copy = disk.afterPowerCut(fate, &random)
        let reopened = try SimulatedLog("/log", disk: copy, options: options)
        let start = reopened.offsets.lowerBound
        #expect(start <= 20, "call \(call), \(fate)")
        #expect(try reopened.allRecords() == all.filter { $0.offset >= start })
      }
    }
    #expect(call > 20)
  }
}
