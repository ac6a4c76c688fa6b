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

  @Test func `a flipped bit in any byte of a store is found when opening or reading`() throws {
    let (disk, records, options) = try prepared()
    var random = SeededRandom(seed: 5)
    for store in disk.paths(ending: ".store") {
      for byte in 0..<disk.bytes(store).count {
        let copy = disk.afterPowerCut(.all, &random)
        copy.flip(store, byte, mask: 1 << UInt8(random.below(8)))
        #expect(throws: CommitLogError.self, "\(store), byte \(byte)") {
          _ = try SimulatedLog("/log", disk: copy, options: options).allRecords()
        }
      }
    }
    #expect(records.count == 7)
  }

  @Test func `a flipped bit in any byte of an index changes nothing`() throws {
    let (disk, records, options) = try prepared()
    var random = SeededRandom(seed: 6)
    for index in disk.paths(ending: ".index") {
      for byte in 0..<disk.bytes(index).count {
        let copy = disk.afterPowerCut(.all, &random)
        copy.flip(index, byte, mask: 1 << UInt8(random.below(8)))
        let log = try SimulatedLog("/log", disk: copy, options: options)
        for record in records {
          let found = try EngineReader(log).read(
            from: record.offset, maxRecords: 1, maxBytes: 1000)
          #expect(found == [record], "\(index), byte \(byte)")
        }
      }
    }
  }

  @Test func `a missing, short or long index is rebuilt from the store`() throws {
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

  @Test func `a flipped bit in any byte of the identity is refused`() throws {
    let (disk, _, options) = try prepared()
    var random = SeededRandom(seed: 9)
    for byte in 0..<disk.bytes("/log/identity").count {
      let copy = disk.afterPowerCut(.all, &random)
      copy.flip("/log/identity", byte, mask: 1)
      #expect(throws: CommitLogError.self, "byte \(byte)") {
        _ = try SimulatedLog("/log", disk: copy, options: options)
      }
    }
  }

  @Test func `a missing segment, a foreign one and a lost identity are refused`() throws {
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
