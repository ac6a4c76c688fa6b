@testable import SimulatedDisk
import CommitLog
import Testing

@testable import struct CommitLog.FrameMap
@testable import struct CommitLog.FrameMaps
@testable import enum CommitLog.RecordFormat

/// Single records out of batches of many: read without the rest, and never unchecked.
@Suite struct RandomReadTests {
  private static let seed: UInt64 = 4_411

  private func log(_ disk: SimulatedDisk = SimulatedDisk()) throws -> SimulatedLog {
    try SimulatedLog(
      "/log", disk: disk,
      options: .small(TestClock(), segmentBytes: 400_000, entries: 100))
  }

  private func batch(_ count: Int, bytes: Int, _ random: inout SeededRandom) -> [Record] {
    (0..<count).map { _ in
      Record(value: [UInt8](repeating: UInt8(random.below(256)), count: random.below(2 * bytes)))
    }
  }

  private struct Answer: Equatable {
    var outcome: ReadOutcome
    var bytes: [UInt8] = []
    var firstOffset: UInt64 = 0
    var count = 0
  }

  private func answer(
    _ reader: EngineReader<SimulatedDisk>, _ cursor: inout LogCursor, limit: UInt64,
    maxRecords: Int, maxBytes: Int
  ) throws -> Answer {
    var answer = Answer(outcome: .atEnd)
    answer.outcome = try reader.read(
      &cursor, limit: limit, maxRecords: maxRecords, maxBytes: maxBytes, mayBlock: true
    ) { run in
      answer.bytes = Array(run.bytes)
      answer.firstOffset = run.firstOffset
      answer.count = run.count
    }
    return answer
  }

  @Test func `a reader that knows the frames answers as one that has just come`() throws {
    var random = SeededRandom(seed: Self.seed)
    let log = try log()
    for size in [1, 3000, 40, 800, 1, 2500, 10, 1500] {
      _ = try log.append(batch(size, bytes: 60, &random))
    }
    // Of records that are larger than a stretch, too.
    _ = try log.append(batch(30, bytes: 5_000, &random))
    let reader = EngineReader(log)
    for step in 0..<600 {
      let end = log.offsets.upperBound
      var cursor = LogCursor(nextOffset: UInt64(random.below(Int(end))))
      let limit = random.below(4) == 0 ? cursor.nextOffset + UInt64(random.below(50)) : .max
      let records = [1, 1, 1, 2, 30, 500, 100_000][random.below(7)]
      let bytes = [1, 300, 9_000, 1 << 20][random.below(4)]
      // On from where it stopped, by the place that the cursor keeps.
      for part in 0..<1 + random.below(3) {
        var fresh = LogCursor(nextOffset: cursor.nextOffset)
        let expected = try answer(
          EngineReader(log), &fresh, limit: limit, maxRecords: records, maxBytes: bytes)
        let found = try answer(
          reader, &cursor, limit: limit, maxRecords: records, maxBytes: bytes)
        #expect(found == expected, "step \(step), part \(part), seed \(Self.seed)")
        #expect(cursor.nextOffset == fresh.nextOffset)
      }
      if step % 100 == 99 {
        // Another batch in place of the last: what is known of it is void.
        try log.truncateSuffix(from: log.offsets.upperBound - UInt64(lastBatch(log)))
        _ = try log.append(batch(500 + random.below(1_500), bytes: 60, &random))
      }
    }
    #expect(!reader.maps.isEmpty)
  }

  private func lastBatch(_ log: SimulatedLog) throws -> Int {
    let view = log.currentView
    let segment = view.segments[view.segment(ofOffset: view.tail.nextOffset - 1)]
    return Int(try segment.frame(holding: view.tail.nextOffset - 1).header.recordCount)
  }

  @Test func `one record of a known frame of 10,000 costs a few KiB of reading`() throws {
    var random = SeededRandom(seed: Self.seed + 1)
    let disk = SimulatedDisk()
    let log = try log(disk)
    for _ in 0..<4 {
      _ = try log.append((0..<10_000).map { _ in Record(value: [UInt8](repeating: 3, count: 128)) })
    }
    let reader = EngineReader(log)
    func read(_ offset: UInt64) throws -> ReadStatistics {
      let before = disk.readCounter.statistics
      var cursor = LogCursor(nextOffset: offset)
      let answer = try answer(reader, &cursor, limit: .max, maxRecords: 1, maxBytes: 1 << 20)
      #expect(answer.count == 1 && answer.firstOffset == offset)
      let after = disk.readCounter.statistics
      return ReadStatistics(reads: after.reads - before.reads, bytes: after.bytes - before.bytes)
    }
    for batch in 0..<4 as Range<UInt64> {
      #expect(try read(batch * 10_000 + 5_000).bytes > 1 << 20, "the first must read all of it")
    }
    for _ in 0..<400 {
      let cost = try read(UInt64(random.below(40_000)))
      #expect(cost.reads <= 1 && cost.bytes < 2 * FrameMap.stretchBytes, "\(cost)")
    }
  }

  @Test func `a bit that flips after a frame was checked is found before it is served`() throws {
    var random = SeededRandom(seed: Self.seed + 2)
    let disk = SimulatedDisk()
    let log = try log(disk)
    for _ in 0..<6 { _ = try log.append(batch(1_000, bytes: 100, &random)) }
    let segment = log.currentView.segments[0]
    let place = try segment.frame(holding: 500)
    let key = FrameMaps.Key(segment: segment.firstIndex, position: place.position)
    for round in 0..<40 {
      let reader = EngineReader(log)
      // The later frames push the first one out of memory; its map stays.
      for number in 0..<6 as Range<UInt64> {
        var cursor = LogCursor(nextOffset: number * 1_000 + 10)
        _ = try answer(reader, &cursor, limit: .max, maxRecords: 1, maxBytes: 1 << 20)
      }
      let map = try #require(reader.maps[key])
      let offset = 1 + UInt64(random.below(999))
      let stretch = map.bytes(of: map.stretch(ofRecord: UInt32(offset)))
      let byte = Int(place.position) + 96 + stretch.lowerBound + random.below(stretch.count)
      let mask = 1 << UInt8(random.below(8)) as UInt8
      func read() throws -> Answer {
        var cursor = LogCursor(nextOffset: offset)
        return try answer(reader, &cursor, limit: .max, maxRecords: 1, maxBytes: 1 << 20)
      }
      disk.flip(segment.store.path, byte, mask: mask)
      #expect(throws: CommitLogError.self, "round \(round), seed \(Self.seed)") { try read() }
      #expect(reader.maps[key] == nil)
      disk.flip(segment.store.path, byte, mask: mask)
      #expect(try read().firstOffset == offset)
    }
  }

  @Test func `what is kept of frames stays within its bound`() throws {
    var random = SeededRandom(seed: Self.seed + 3)
    let log = try log()
    _ = try log.append(batch(4_000, bytes: 200, &random))
    let reader = EngineReader(log)
    var cursor = LogCursor(nextOffset: 200)
    _ = try answer(reader, &cursor, limit: .max, maxRecords: 1, maxBytes: 100)
    let map = try #require(reader.maps[.init(segment: 1, position: 64)])
    var maps = FrameMaps()
    let most = FrameMaps.maxStretches / map.stretches.count
    for number in 0..<UInt64(3 * most) {
      maps.insert(map, .init(segment: 1, position: number))
      maps.insert(map, .init(segment: 1, position: number))
      #expect(maps.stretchCount == maps.count * map.stretches.count && maps.count <= most)
      #expect(maps[.init(segment: 1, position: number)] != nil)
    }
    #expect(maps.count > most / 2 && maps[.init(segment: 1, position: 0)] == nil)
    maps.remove(.init(segment: 1, position: UInt64(3 * most - 1)))
    #expect(maps.stretchCount == maps.count * map.stretches.count)
  }

  @Test func `a body that is no list of records has no map`() throws {
    var header = FrameHeader()
    header.recordCount = 2
    for body in [[], [0x0A, 0], [0x0A, 0, 0x0A], [0x0A, 0, 0x0A, 0, 1]] as [[UInt8]] {
      header.bodyLength = UInt32(body.count)
      #expect(body.withUnsafeBytes { FrameMap(header, $0) } == nil)
    }
    header.bodyLength = 4
    let tag = RecordFormat.tag
    #expect([tag, 0, tag, 0].withUnsafeBytes { FrameMap(header, $0) } != nil)
  }
}
