@testable import SimulatedDisk
import CommitLog
import Testing

@testable import struct CommitLog.LogMeta
@testable import struct CommitLog.MetaFile

@Suite struct MetaFileTests {
  /// Marks are written without waiting for the disk; a power cut may spoil what is on its way, and only that.
  @Test(arguments: 1...60)
  func `however often marks are written between syncs, one of the two slots is whole`(
    _ seed: Int
  ) throws {
    var random = SeededRandom(seed: UInt64(seed))
    let disk = SimulatedDisk()
    let id = UniqueID(high: 1, low: 2)
    var meta = LogMeta()
    meta.commitMark = 7
    var file = try MetaFile(creating: try disk.create("/meta"), logInstanceID: id, meta)
    try disk.syncFolder("")
    for _ in 0...random.below(5) {
      meta.commitMark += 1
      try file.write(meta)
    }
    // What a power cut may spoil, sector by sector and within one: all that differs from what is on the disk.
    let durable = disk.afterPowerCut(.none, &random).bytes("/meta")
    let written = disk.afterPowerCut(.all, &random).bytes("/meta")
    let slots = Set(
      zip(durable, written).enumerated().filter { $1.0 != $1.1 }.map { $0.offset / 4096 })
    #expect(slots.count == 1, "seed \(seed)")
    var spoilt = written
    for slot in slots { spoilt[slot * 4096 + 50] ^= 1 }
    disk.replace("/meta", spoilt)
    let found = try MetaFile(reading: try disk.open("/meta"), logInstanceID: id) { _ in }
    #expect(found.current.commitMark == 7, "seed \(seed)")
  }
}
