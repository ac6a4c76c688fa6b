@testable import SimulatedDisk
import CommitLog
import Testing

/// Single flipped bits: wrong bytes are never served, nothing is cut in silence.
@Suite struct DamageTests {
  /// A closed log of two segments and what it holds.
  private func prepared() throws -> (SimulatedDisk, [Record], CommitLog.Options) {
    let clock = TestClock()
    let options = CommitLog.Options.small(clock, entries: 4)
    let disk = SimulatedDisk()
    let log = try SimulatedLog("/log", disk: disk, options: options)
    for number in 0..<7 as Range<UInt64> {
      _ = try log.append([Record(value: Array("value \(number)".utf8))])
    }
    let records = try log.allRecords()
    #expect(log.segmentCount == 2)
    try log.close()
    return (disk, records, options)
  }

  @Test func `rule 28: every flipped bit of a store is found when opening or reading`() throws {
    var (disk, records, options) = try prepared()
    let notes = Notes()
    options.note = { notes.add($0) }
    var random = SeededRandom(seed: 5)
    for store in disk.paths(ending: ".store") {
      for bit in 0..<disk.bytes(store).count * 8 {
        let copy = disk.afterPowerCut(.all, &random)
        copy.flip(store, bit / 8, mask: 1 << UInt8(bit % 8))
        if bit / 8 < 64 {
          // All that a header says is known otherwise.
          notes.clear()
          let log = try SimulatedLog("/log", disk: copy, options: options)
          #expect(try log.allRecords() == records, "\(store), bit \(bit)")
          #expect(notes.count == 1 && copy.bytes(store) == disk.bytes(store))
          continue
        }
        #expect(throws: CommitLogError.self, "\(store), bit \(bit)") {
          _ = try SimulatedLog("/log", disk: copy, options: options).allRecords()
        }
      }
    }
    #expect(records.count == 7)
  }

  @Test func `rule 31: of a log that was not closed every flipped bit below the mark is damage`()
    throws
  {
    let clock = TestClock()
    var options = CommitLog.Options.small(clock, entries: 4)
    let notes = Notes()
    options.note = { notes.add($0) }
    let disk = SimulatedDisk()
    let log = try SimulatedLog("/log", disk: disk, options: options)
    for number in 0..<7 as Range<UInt64> {
      _ = try log.append([Record(value: Array("value \(number)".utf8))])
    }
    let records = try log.allRecords()
    // What the last frame's header knows to be acknowledged: all before it.
    let last = disk.paths(ending: ".store")[1]
    let mark = try #require(disk.bytes(last).lastRange(of: Array("DLFR".utf8)))
    var random = SeededRandom(seed: 12)
    let closed = disk.afterPowerCut(.all, &random)
    try SimulatedLog("/log", disk: closed, options: options).close()
    let end = closed.bytes(last).count
    for bit in 0..<disk.bytes(last).count * 8 {
      let copy = disk.afterPowerCut(.all, &random)
      copy.flip(last, bit / 8, mask: 1 << UInt8(bit % 8))
      notes.clear()
      let found: [Record]
      do throws(CommitLogError) {
        let opened = try SimulatedLog("/log", disk: copy, options: options)
        found = try EngineReader(opened).read(from: 0, maxRecords: .max, maxBytes: .max)
      } catch {
        continue
      }
      if bit / 8 < 64 {
        // The segment's header, which is made anew.
        #expect(found == records && copy.bytes(last).prefix(64) == disk.bytes(last).prefix(64))
        continue
      }
      // Only behind the mark may something be missing: the last frame whole, cut and noted. Behind that was nothing.
      #expect(bit / 8 >= mark, "bit \(bit)")
      let expected = bit / 8 < end ? Array(records.dropLast()) : records
      #expect(found == expected && notes.count == 1, "bit \(bit): \(found.count)")
    }
  }

  @Test func `every flipped bit of an index changes nothing`() throws {
    let (disk, records, options) = try prepared()
    var random = SeededRandom(seed: 6)
    for index in disk.paths(ending: ".index") {
      for bit in 0..<disk.bytes(index).count * 8 {
        let byte = bit / 8
        let copy = disk.afterPowerCut(.all, &random)
        copy.flip(index, byte, mask: 1 << UInt8(bit % 8))
        let log = try SimulatedLog("/log", disk: copy, options: options)
        for record in records {
          let found = try EngineReader(log).read(
            from: record.offset, maxRecords: 1, maxBytes: 1000)
          #expect(found == [record], "\(index), byte \(byte)")
        }
      }
    }
  }

  @Test func `rule 36: a missing, short or long index is rebuilt from the store`() throws {
    let (disk, records, options) = try prepared()
    var random = SeededRandom(seed: 7)
    for index in disk.paths(ending: ".index") {
      let bytes = disk.bytes(index)
      let changes = [[], Array(bytes.dropLast()), bytes + [0], bytes + bytes]
      for change in changes {
        let copy = disk.afterPowerCut(.all, &random)
        copy.replace(index, change)
        let log = try SimulatedLog("/log", disk: copy, options: options)
        #expect(try log.allRecords() == records)
        try log.close()
        #expect(copy.bytes(index) == bytes)
      }
      let copy = disk.afterPowerCut(.all, &random)
      try copy.remove(index)
      let log = try SimulatedLog("/log", disk: copy, options: options)
      #expect(try log.allRecords() == records)
      try log.close()
      #expect(copy.bytes(index) == bytes)
    }
  }

  @Test func `one bad slot of the meta file is survived, two are refused`() throws {
    let (disk, records, options) = try prepared()
    var random = SeededRandom(seed: 8)
    let meta = disk.path(ending: "/meta")
    for byte in 0..<120 {
      for slot in [0, 4096] {
        let copy = disk.afterPowerCut(.all, &random)
        copy.flip(meta, slot + byte, mask: 1)
        let log = try SimulatedLog("/log", disk: copy, options: options)
        #expect(try log.allRecords() == records)
      }
    }
    let copy = disk.afterPowerCut(.all, &random)
    copy.flip(meta, 50, mask: 1)
    copy.flip(meta, 4096 + 60, mask: 1)
    #expect(throws: CommitLogError.self) {
      _ = try SimulatedLog("/log", disk: copy, options: options)
    }
  }

  @Test func `every flipped bit of the identity is refused`() throws {
    let (disk, _, options) = try prepared()
    var random = SeededRandom(seed: 9)
    for bit in 0..<disk.bytes("/log/identity").count * 8 {
      let copy = disk.afterPowerCut(.all, &random)
      copy.flip("/log/identity", bit / 8, mask: 1 << UInt8(bit % 8))
      #expect(throws: CommitLogError.self, "bit \(bit)") {
        _ = try SimulatedLog("/log", disk: copy, options: options)
      }
    }
  }

  @Test func `rule 27: a missing segment, a foreign one and a lost identity are refused`() throws {
    let (disk, _, options) = try prepared()
    var random = SeededRandom(seed: 10)
    for store in disk.paths(ending: ".store") {
      let copy = disk.afterPowerCut(.all, &random)
      try copy.remove(store)
      #expect(throws: CommitLogError.self, "\(store)") {
        _ = try SimulatedLog("/log", disk: copy, options: options)
      }
    }
    let (other, _, _) = try prepared()
    let copy = disk.afterPowerCut(.all, &random)
    copy.replace(disk.path(ending: ".store"), other.bytes(other.path(ending: ".store")))
    let error = #expect(throws: CommitLogError.self) {
      _ = try SimulatedLog("/log", disk: copy, options: options)
    }
    guard case .foreign = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    let nameless = disk.afterPowerCut(.all, &random)
    try nameless.remove("/log/identity")
    #expect(throws: CommitLogError.self) {
      _ = try SimulatedLog("/log", disk: nameless, options: options)
    }
  }
}
