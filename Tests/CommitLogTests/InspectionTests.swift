@testable import SimulatedDisk
import CommitLog
import Testing

@testable import struct CommitLog.DataFolder
@testable import struct CommitLog.Inspector
@testable import struct CommitLog.Repair

/// Looking at every byte of a data folder, and mending it.
@Suite struct InspectionTests {
  private func prepared(
    closing: Bool = true
  ) throws -> (disk: SimulatedDisk, records: [Record], options: CommitLog.Options) {
    let clock = TestClock()
    let options = CommitLog.Options.small(clock, entries: 4)
    let disk = SimulatedDisk()
    let log = try SimulatedLog("/log", disk: disk, options: options)
    for number in 0..<10 as Range<UInt64> {
      clock.advance(2_000_000_000)
      _ = try log.append([Record(value: Array("value \(number)".utf8)), Record(value: [1])])
    }
    let records = try log.allRecords()
    if closing { try log.close() }
    return (disk, records, options)
  }

  private func inspect(_ disk: SimulatedDisk) throws -> Inspection {
    var inspector = Inspector(disk, path: "/log")
    return try inspector.run()
  }

  @Test func `a folder without a fault has none, closed or not`() throws {
    for closing in [true, false] {
      let (disk, records, _) = try prepared(closing: closing)
      let before = disk.calls
      let found = try inspect(disk)
      #expect(found.findings == [])
      #expect(found.wasClosed == closing)
      #expect(found.offsets == 0..<UInt64(records.count))
      #expect(found.segments.map(\.frames) == [4, 4, 2])
      #expect(disk.calls == before, "looking changed something")
    }
  }

  @Test func `every flipped bit of a closed log is found, with its place`() throws {
    let (disk, _, _) = try prepared()
    var random = SeededRandom(seed: 31)
    for path in disk.paths(ending: "") where !path.hasSuffix("/lock") {
      for bit in 0..<disk.bytes(path).count * 8 {
        // Between the slots of the marks nothing stands; a few places do.
        if path.hasSuffix("/meta"), bit / 8 % 4096 >= 120, bit % 997 != 0 { continue }
        let copy = disk.afterPowerCut(.all, &random)
        copy.flip(path, bit / 8, mask: 1 << UInt8(bit % 8))
        let found: Inspection
        do throws(CommitLogError) {
          var inspector = Inspector(copy, path: "/log")
          found = try inspector.run()
        } catch {
          // Nothing to look at without an identity of a format that is known.
          #expect(path.hasSuffix("/identity"), "\(path), bit \(bit): \(error)")
          continue
        }
        let first = try #require(found.findings.first, "\(path), bit \(bit)")
        #expect(first.file == path, "\(path), bit \(bit): \(first)")
        if path.hasSuffix(".store"), bit / 8 >= 64 {
          #expect(first.position <= UInt64(bit / 8) && first.position >= 64, "bit \(bit): \(first)")
        }
      }
    }
  }

  @Test func `a repaired folder opens and holds what was good, the rest is saved`() throws {
    let (disk, records, options) = try prepared()
    var random = SeededRandom(seed: 32)
    var cut = 0
    for path in disk.paths(ending: "") where !path.hasSuffix("/lock") {
      for byte in stride(from: 0, to: disk.bytes(path).count, by: path.hasSuffix("/meta") ? 61 : 3)
      {
        let copy = disk.afterPowerCut(.all, &random)
        copy.flip(path, byte, mask: 1 << UInt8(random.below(8)))
        guard let inspection = try? inspect(copy) else { continue }
        let repair = Repair(
          disk: copy, folder: DataFolder(path: "/log"), inspection: inspection,
          saved: "/log/saved")
        if inspection.findings.contains(where: { $0.remedy == .none }) {
          #expect(throws: CommitLogError.self) { _ = try repair.run(options) }
          continue
        }
        let done = try repair.run(options)
        #expect(!done.isEmpty, "\(path), byte \(byte)")
        let log = try SimulatedLog("/log", disk: copy, options: options)
        let left = try log.allRecords()
        #expect(left == Array(records.prefix(left.count)), "\(path), byte \(byte)")
        if left.count < records.count {
          cut += 1
          #expect(path.hasSuffix(".store"), "\(path), byte \(byte)")
          #expect(try copy.names(in: "/log/saved").contains { $0.contains(".store") })
        }
        _ = try log.append([Record(value: [9])])
        try log.close()
        #expect(try inspect(copy).isSound, "\(path), byte \(byte)")
      }
    }
    #expect(cut > 150)
  }

  @Test func `a torn tail is told as one, and costs nothing acknowledged`() throws {
    let (disk, records, options) = try prepared(closing: false)
    let last = try #require(disk.paths(ending: ".store").last)
    var bytes = disk.bytes(last)
    // The end of the last frame that was written, and half a frame behind it.
    var random = SeededRandom(seed: 34)
    let closed = disk.afterPowerCut(.all, &random)
    try SimulatedLog("/log", disk: closed, options: options).close()
    let end = closed.bytes(last).count
    for (place, byte) in Array("DLFR half a frame".utf8).enumerated() { bytes[end + place] = byte }
    disk.replace(last, bytes)
    let found = try inspect(disk)
    #expect(found.findings.map(\.remedy) == [.cutTornTail])
    #expect(found.findings.first?.position == UInt64(end))
    #expect(found.findings.first?.isDamage == false)
    let log = try SimulatedLog("/log", disk: disk, options: options)
    #expect(try log.allRecords() == records)
  }

  @Test func `lost identity, marks and indexes are made anew without losing a record`() throws {
    let (disk, records, options) = try prepared()
    var random = SeededRandom(seed: 33)
    for lost in disk.paths(ending: "")
    where [".index", "/meta", "/identity"].contains(where: lost.hasSuffix) {
      let copy = disk.afterPowerCut(.all, &random)
      if lost.hasSuffix("/identity") {
        copy.flip(lost, 60, mask: 4)
      } else {
        try copy.remove(lost)
      }
      let inspection = try inspect(copy)
      #expect(inspection.findings.map(\.file) == [lost])
      let repair = Repair(
        disk: copy, folder: DataFolder(path: "/log"), inspection: inspection, saved: "/log/saved")
      _ = try repair.run(options)
      #expect(try SimulatedLog("/log", disk: copy, options: options).allRecords() == records)
    }
  }
}
