@testable import SimulatedDisk
import CommitLog
import Testing

/// Record values that hold the bytes of a later frame, in writes that a power cut tore.
@Suite struct CraftedValueTests {
  /// A frame as a third write after `before` would begin it: good, later, and the first of its write.
  private func forgedFrame() throws -> (frame: [UInt8], before: TornWriteTests.Prepared) {
    let donor = try TornWriteTests.prepare()
    var random = SeededRandom(seed: 1)
    let disk = donor.disk.afterPowerCut(.all, &random)
    let log = try SimulatedLog("/log", disk: disk, options: donor.options)
    _ = try log.append([Record(value: [1])])
    let start = Int(log.sizeBytes)
    _ = try log.append([Record(value: [2])])
    let frame = Array(disk.bytes(donor.store)[start..<Int(log.sizeBytes)])
    return (frame, try TornWriteTests.prepare())
  }

  @Test(arguments: TornWriteTests.Tear.allCases)
  func `rule 30: a frame in the value of a torn write is a client's bytes and proves nothing`(
    tear: TornWriteTests.Tear
  ) throws {
    let (forged, whole) = try forgedFrame()
    var random = SeededRandom(seed: 2)
    let disk = whole.disk.afterPowerCut(.all, &random)
    let log = try SimulatedLog("/log", disk: disk, options: whole.options)
    let start = Int(log.sizeBytes)
    _ = try log.append([Record(value: forged + [UInt8](repeating: 7, count: 40))])
    let end = Int(log.sizeBytes)
    let bytes = disk.bytes(whole.store)
    for byte in (start + FrameHeader.size)..<end {
      let copy = disk.afterPowerCut(.none, &random)
      var torn = bytes
      switch tear {
      case .cut: torn.removeSubrange(byte...)
      case .zeros: for place in byte..<end { torn[place] = 0 }
      case .garbage: for place in byte..<end { torn[place] = ~bytes[place] }
      }
      // Bytes that were zero before do not tear.
      guard torn[..<min(end, torn.count)] != bytes[..<end] else { continue }
      copy.replace(whole.store, torn)
      let opened = try SimulatedLog("/log", disk: copy, options: whole.options)
      #expect(try opened.allRecords() == whole.records, "byte \(byte)")
    }
  }

  @Test func `rule 30: a real later write behind such a value is proof all the same`() throws {
    let (forged, whole) = try forgedFrame()
    var random = SeededRandom(seed: 3)
    let disk = whole.disk.afterPowerCut(.all, &random)
    let log = try SimulatedLog("/log", disk: disk, options: whole.options)
    let start = Int(log.sizeBytes)
    _ = try log.append([Record(value: forged)])
    let end = Int(log.sizeBytes)
    _ = try log.append([Record(value: [8])])
    for byte in start..<end {
      let copy = disk.afterPowerCut(.none, &random)
      copy.flip(whole.store, byte, mask: 1)
      #expect(throws: CommitLogError.self, "byte \(byte)") {
        _ = try SimulatedLog("/log", disk: copy, options: whole.options)
      }
    }
  }
}
