@testable import SimulatedDisk
import CommitLog
import Foundation
import Synchronization
import Testing

private final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}

@Suite struct ReaderTests {
  private func log(_ count: Int) throws -> (SimulatedLog, SimulatedDisk, TestClock) {
    let clock = TestClock()
    let disk = SimulatedDisk()
    let log = try SimulatedLog("/log", disk: disk, options: .small(clock, entries: 4))
    for number in 0..<count { _ = try log.append([Record(value: Array("value \(number)".utf8))]) }
    return (log, disk, clock)
  }

  @Test func `a cursor goes on through rolls and truncation of either end`() throws {
    let (log, _, _) = try log(6)
    let reader = EngineReader(log)
    var cursor = LogCursor(nextOffset: 4)
    var seen: [String] = []
    func readAll() throws {
      while true {
        let outcome = try reader.read(
          &cursor, limit: .max, maxRecords: 10, maxBytes: 1000, mayBlock: true
        ) { run in
          seen.append(
            String(decoding: run.bytes, as: UTF8.self).filter { $0.isNumber || $0.isLetter })
        }
        if outcome == .atEnd { return }
      }
    }
    try readAll()
    #expect(cursor.nextOffset == 6)
    for _ in 0..<9 { _ = try log.append([Record(value: [])]) }
    try readAll()
    #expect(cursor.nextOffset == 15)
    try log.truncatePrefix(before: 12)
    try log.truncateSuffix(from: 13)
    _ = try log.append([Record(value: Array("other".utf8)), Record(value: [])])
    cursor = LogCursor(nextOffset: 13)
    seen = []
    try readAll()
    #expect(seen.contains { $0.contains("other") })
    cursor = LogCursor(nextOffset: 11)
    #expect(throws: CommitLogError.offsetTruncated(offset: 11, start: 12)) { try readAll() }
  }

  @Test func `limits are kept, but one record is always given`() throws {
    let clock = TestClock()
    let log = try SimulatedLog("/log", disk: SimulatedDisk(), options: .small(clock))
    _ = try log.append((0..<20).map { Record(value: [UInt8](repeating: $0, count: 10)) })
    let reader = EngineReader(log)
    for (records, bytes, limit, expected) in [
      (5, 10_000, UInt64.max, 5), (100, 1, .max, 1), (100, 10_000, 7, 7), (100, 10_000, .max, 20),
      (0, 0, .max, 1),
    ] {
      var cursor = LogCursor(nextOffset: 0)
      var count = 0
      let outcome = try reader.read(
        &cursor, limit: limit, maxRecords: records, maxBytes: bytes, mayBlock: true
      ) { count = $0.count }
      #expect(outcome == .run && count == expected)
      #expect(cursor.nextOffset == UInt64(expected))
    }
    var cursor = LogCursor(nextOffset: 7)
    let outcome = try reader.read(
      &cursor, limit: 7, maxRecords: 1, maxBytes: 1, mayBlock: true
    ) { _ in }
    #expect(outcome == .atEnd)
  }

  @Test func `a frame taken in pieces is read and checked once`() throws {
    let clock = TestClock()
    let disk = SimulatedDisk()
    let log = try SimulatedLog(
      "/log", disk: disk, options: .small(clock, segmentBytes: 4 << 20, entries: 100))
    _ = try log.append((0..<1800).map { _ in Record(value: [UInt8](repeating: 1, count: 128)) })
    let reader = EngineReader(log)
    var cursor = LogCursor(nextOffset: 0)
    var pieces = 0
    let before = disk.readCounter.statistics
    while cursor.nextOffset < 1800 {
      _ = try reader.read(
        &cursor, limit: .max, maxRecords: .max, maxBytes: 64 << 10, mayBlock: true
      ) { _ in pieces += 1 }
    }
    #expect(pieces == 5)
    let statistics = disk.readCounter.statistics
    #expect(statistics.reads - before.reads <= 2)
    #expect(statistics.bytes - before.bytes == Int(log.sizeBytes) - 64)
  }

  /// Reads from the start, which may move meanwhile, and checks what comes.
  private static func wholeRecords(_ log: CommitLog) throws -> Int {
    let records: [Record]
    do {
      records = try log.read(from: log.offsets.lowerBound, maxRecords: 50)
    } catch {
      switch error {
      case .offsetTruncated, .offsetOutOfRange: return 0
      default: throw error
      }
    }
    for record in records {
      #expect(record.value.count == 100)
      #expect(Set(record.value).count == 1)
    }
    return records.count
  }

  @Test
  func `rule 37: readers on other threads see whole records while the log is written and cut`()
    async throws
  {
    let folder = TemporaryFolder()
    var options = CommitLog.Options()
    options.segmentBytes = 8 << 10
    options.reserveStep = 4 << 10
    let log = try CommitLog.open(folder.path, options: options)
    let done = Flag()
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<2 {
        group.addTask {
          var count = 0
          repeat {
            count += try ReaderTests.wholeRecords(log)
          } while !done.isSet
          return count
        }
      }
      var random = SeededRandom(seed: 4)
      for number in 0..<300 {
        let byte = UInt8(truncatingIfNeeded: number)
        _ = try log.append([Record(value: [UInt8](repeating: byte, count: 100))])
        let offsets = log.offsets
        if random.below(10) == 0 { try log.truncateSuffix(from: offsets.upperBound - 1) }
        if random.below(20) == 0 { try log.truncatePrefix(before: offsets.lowerBound + 5) }
      }
      done.set()
      for try await count in group { #expect(count > 0) }
    }
  }

  @Test func `look-ups by time agree with a linear scan`() throws {
    let clock = TestClock()
    let log = try SimulatedLog("/log", disk: SimulatedDisk(), options: .small(clock))
    var random = SeededRandom(seed: 12)
    var logTimes: [UInt64] = []
    for _ in 0..<200 {
      clock.advance(UInt64(random.below(3)))
      let records = (0..<1 + random.below(4)).map { _ in
        Record(value: [1], timestamp: random.below(3) == 0 ? UInt64(1 + random.below(1_500)) : 0)
      }
      _ = try log.append(records)
      logTimes += records.map { _ in clock.now }
    }
    for start in [0, 33] as [UInt64] {
      try log.truncatePrefix(before: start)
      let all = try log.allRecords()
      for time in 0..<1_600 as Range<UInt64> {
        let byLogTime = logTimes.indices.first { logTimes[$0] >= time }.map {
          max(UInt64($0), start)
        }
        #expect(try log.offset(atLogTime: time) == byLogTime)
        let found = try log.offset(at: time)
        if start == 0 {
          let scanned = all.first { $0.timestamp >= time }
          #expect(found?.offset == scanned?.offset)
          #expect(found?.timestamp == scanned?.timestamp)
        } else if let found {
          #expect(found.offset >= start)
        }
      }
    }
  }

  @Test func `rule 42: what waits is written together, and each batch is answered`() throws {
    let folder = TemporaryFolder()
    let log = try LogEngine(folder.path, disk: LinuxDisk(), options: CommitLog.Options())
    func batch(_ index: UInt64) -> FrameBatch {
      let batch = FrameBatch()
      batch.begin(
        kind: .data, index: index, term: 1, baseOffset: index - 1, logTime: 1, commitMark: 0,
        maxTimestampSoFar: 0)
      batch.append(Record(value: [UInt8(index)]))
      batch.end()
      return batch
    }
    let (written, error) = log.write((1...50).map(batch) + [batch(99)])
    #expect(written == 50)
    #expect(error == .notNext(index: 99, expected: 51))
    #expect(log.offsets == 0..<50)
    // One write: only its first frame says that a write starts there.
    let store = try Data(contentsOf: URL(fileURLWithPath: folder.files(ending: ".store")[0]))
    var starts = 0
    var position = 64
    for _ in 0..<50 {
      starts += Int(store[position + 18])
      position += 96 + Int(store[position + 8]) + Int(store[position + 9]) << 8
    }
    #expect(position == Int(log.sizeBytes))
    #expect(starts == 1)
  }
}
