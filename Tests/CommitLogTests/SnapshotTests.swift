@testable import SimulatedDisk
import CommitLog
import Testing

@testable import struct CommitLog.Restore
@testable import struct CommitLog.SnapshotReader
@testable import struct CommitLog.SnapshotWriter

/// Bytes handed out in small pieces.
final class ByteSource {
  private var rest: ArraySlice<UInt8>
  private let step: Int

  init(_ bytes: [UInt8], step: Int = 700) {
    rest = bytes[...]
    self.step = step
  }

  func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, step, rest.count)
    buffer.copyBytes(from: rest.prefix(count))
    rest = rest.dropFirst(count)
    return count
  }
}

extension LogEngine {
  /// The whole image; `during` runs at each piece.
  func image(_ during: () throws -> Void = {}) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var writer = try SnapshotWriter(self)
    // A frame at a time.
    writer.pieceBytes = 1
    while let piece = try writer.next() {
      try during()
      bytes += piece
    }
    return bytes
  }
}

extension SimulatedDisk {
  func restore(
    _ image: [UInt8], to target: String, _ options: CommitLog.Options, keepsClusterID: Bool = false
  ) throws -> SnapshotSummary {
    let source = ByteSource(image)
    var reader = try SnapshotReader("image", source.read)
    let restore = Restore(
      disk: self, target: target, options: options, keepsClusterID: keepsClusterID)
    return try restore.run(&reader, source.read)
  }
}

/// Images of logs: complete while the log goes on, refused when anything is wrong with them.
@Suite struct SnapshotTests {
  /// Batches of one to three records over several segments; the log's start is inside a batch.
  private func prepared(
    _ disk: SimulatedDisk = SimulatedDisk(), batches: Int = 14, start: UInt64 = 5
  ) throws -> (log: SimulatedLog, clock: TestClock, options: CommitLog.Options) {
    let clock = TestClock()
    let options = CommitLog.Options.small(clock, entries: 4)
    let log = try SimulatedLog("/log", disk: disk, options: options)
    var random = SeededRandom(seed: 21)
    for number in 0..<UInt64(batches) {
      clock.advance(1_000)
      _ = try log.append(
        [random.record(number), Record(value: [UInt8(number)]), random.record(number + 100)])
    }
    if start > 0 { try log.truncatePrefix(before: start) }
    return (log, clock, options)
  }

  @Test func `an image taken while the log goes on restores to the log as it was`() throws {
    let (log, clock, options) = try prepared()
    let before = try log.allRecords()
    let tail = log.tail
    var appended = 0
    let image = try log.image {
      // Appends, rolls and retention between any two pieces.
      clock.advance(10)
      _ = try log.append([Record(value: [9]), Record(value: [8])])
      appended += 1
      if appended == 12 { try log.truncatePrefix(before: 40) }
    }
    #expect(appended >= 12 && log.offsets.lowerBound == 40)
    let other = SimulatedDisk()
    let summary = try other.restore(image, to: "/copy", options)
    #expect(summary.offsets == 5..<42 && summary.bytes == UInt64(image.count))
    let copy = try SimulatedLog("/copy", disk: other, options: options)
    #expect(copy.offsets == 5..<42)
    #expect(try copy.allRecords() == before)
    #expect(copy.tail.nextIndex == tail.nextIndex && copy.tail.lastTerm == tail.lastTerm)
    #expect(copy.tail.maxTimestamp == tail.maxTimestamp)
    #expect(copy.tail.lastLogTime == tail.lastLogTime)
    #expect(try copy.append([Record(value: [1])]) == 42..<43)
    #expect(copy.segmentCount > 2)
    #expect(other.paths(ending: "").allSatisfy { !$0.contains(".restoring") })
    try copy.close()
    let again = try SimulatedLog("/copy", disk: other, options: options)
    #expect(try again.allRecords().count == before.count + 1)
  }

  @Test func `a restored log has ids of its own, and the cluster's only where that is asked for`()
    throws
  {
    let (log, _, options) = try prepared()
    let image = try log.image()
    let disk = SimulatedDisk()
    _ = try disk.restore(image, to: "/new", options)
    _ = try disk.restore(image, to: "/kept", options, keepsClusterID: true)
    let new = try SimulatedLog("/new", disk: disk, options: options).identity
    let kept = try SimulatedLog("/kept", disk: disk, options: options).identity
    #expect(new.clusterID != log.identity.clusterID)
    #expect(kept.clusterID == log.identity.clusterID)
    for restored in [new, kept] {
      #expect(restored.logInstanceID != log.identity.logInstanceID)
      #expect(restored.storageID != log.identity.storageID)
    }
  }

  @Test func `an empty log, and one of which all was removed, keep their next offset`() throws {
    for records in [0, 14] {
      let disk = SimulatedDisk()
      let (log, _, options) = try prepared(disk, batches: records, start: 0)
      try log.truncatePrefix(before: UInt64(records * 3))
      _ = try disk.restore(try log.image(), to: "/copy", options)
      let copy = try SimulatedLog("/copy", disk: disk, options: options)
      let end = UInt64(records * 3)
      #expect(copy.offsets == end..<end)
      #expect(copy.tail.lastLogTime == log.tail.lastLogTime)
      #expect(copy.tail.maxTimestamp == log.tail.maxTimestamp)
      #expect(copy.tail.nextIndex == log.tail.nextIndex)
      #expect(try copy.append([Record(value: [1])]) == end..<end + 1)
    }
  }

  @Test func `an image with any bit flipped is refused and leaves nothing behind`() throws {
    let (log, _, options) = try prepared(batches: 5, start: 2)
    let image = try log.image()
    for byte in image.indices {
      for bit in 0..<8 {
        var damaged = image
        damaged[byte] ^= 1 << UInt8(bit)
        #expect(throws: CommitLogError.self, "byte \(byte), bit \(bit)") {
          let source = ByteSource(damaged)
          var reader = try SnapshotReader("image", source.read)
          _ = try reader.run(source.read) { _, _ in }
        }
        guard bit == byte % 8 else { continue }
        try expectRefused(damaged, options, "byte \(byte), bit \(bit)")
      }
    }
  }

  /// Refused, and nothing is left behind.
  private func expectRefused(
    _ image: [UInt8], _ options: CommitLog.Options, _ what: String
  ) throws {
    let disk = SimulatedDisk()
    #expect(throws: CommitLogError.self, "\(what)") {
      _ = try disk.restore(image, to: "/copy", options)
    }
    let left = disk.paths(ending: "")
    #expect(
      left.isEmpty && !disk.exists("/copy")
        && disk.paths(ending: "").allSatisfy { !$0.contains(".restoring") }, "\(what)")
  }

  @Test func `an image cut off anywhere, or with something behind it, is refused`() throws {
    let (log, _, options) = try prepared(batches: 5, start: 2)
    let image = try log.image()
    for count in image.indices {
      try expectRefused(Array(image[..<count]), options, "\(count) bytes")
    }
    try expectRefused(image + [0], options, "a byte more")
    try expectRefused(image + image, options, "twice")
  }

  @Test func `chunks in another order are refused`() throws {
    let (log, _, options) = try prepared(batches: 3, start: 0)
    let image = try log.image()
    var chunks: [ArraySlice<UInt8>] = []
    var place = 128
    while place < image.count {
      let length = image[place..<place + 3].reversed().reduce(0) { $0 << 8 | Int($1) }
      let end = place + 16 + (length == 0 ? 16 : length)
      chunks.append(image[place..<end])
      place = end
    }
    #expect(chunks.count == 4)
    let swapped = Array(image[..<128]) + chunks[1] + chunks[0] + chunks[2] + chunks[3]
    #expect(throws: CommitLogError.self) {
      _ = try SimulatedDisk().restore(swapped, to: "/copy", options)
    }
    let missing = Array(image[..<128]) + chunks[0] + chunks[1] + chunks[3]
    #expect(throws: CommitLogError.self) {
      _ = try SimulatedDisk().restore(missing, to: "/copy", options)
    }
  }

  @Test func `a folder that holds something is never restored into`() throws {
    let disk = SimulatedDisk()
    let (log, _, options) = try prepared(disk)
    let image = try log.image()
    let records = try log.allRecords()
    try log.close()
    let error = #expect(throws: CommitLogError.self) {
      _ = try disk.restore(image, to: "/log", options)
    }
    guard case .notADataFolder = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(try SimulatedLog("/log", disk: disk, options: options).allRecords() == records)
  }

  @Test func `cutting the log's end under an image ends it with an error`() throws {
    let (log, _, _) = try prepared()
    var pieces = 0
    #expect(throws: CommitLogError.changedUnderSnapshot) {
      _ = try log.image {
        pieces += 1
        if pieces == 4 { try log.truncateSuffix(from: 30) }
      }
    }
  }

  @Test func `a damaged frame is refused when an image is taken`() throws {
    let disk = SimulatedDisk()
    let (log, _, _) = try prepared(disk)
    disk.flip(disk.paths(ending: ".store")[1], 200, mask: 4)
    #expect(throws: CommitLogError.self) { _ = try log.image() }
  }

  @Test func `a power cut between any two system calls of a restore leaves all of it or nothing`()
    throws
  {
    let (log, clock, options) = try prepared(batches: 8)
    let image = try log.image()
    let records = try log.allRecords()
    let whole = SimulatedDisk()
    _ = try whole.restore(image, to: "/copy", options)
    var complete = 0
    for call in 0..<whole.calls {
      for fate in CrashFate.allCases {
        let disk = SimulatedDisk()
        disk.faults.powerOffAfter = call
        #expect(throws: CommitLogError.self) { _ = try disk.restore(image, to: "/copy", options) }
        var random = SeededRandom(seed: UInt64(call))
        let copy = disk.afterPowerCut(fate, &random)
        if copy.exists("/copy/identity") {
          complete += 1
        } else {
          #expect(try copy.names(in: "/copy").isEmpty)
          _ = try copy.restore(image, to: "/copy", options)
        }
        let restored = try SimulatedLog("/copy", disk: copy, options: .small(clock, entries: 4))
        #expect(try restored.allRecords() == records, "call \(call), \(fate)")
      }
    }
    #expect(complete > 0 && whole.calls > 40)
  }

  @Test func `EIO at any call of a restore is told, and the next attempt succeeds`() throws {
    let (log, _, options) = try prepared(batches: 8)
    let image = try log.image()
    let records = try log.allRecords()
    let whole = SimulatedDisk()
    _ = try whole.restore(image, to: "/copy", options)
    for call in 1...whole.calls {
      let disk = SimulatedDisk()
      disk.faults.failingCall = call
      let error = #expect(throws: CommitLogError.self) {
        _ = try disk.restore(image, to: "/copy", options)
      }
      switch error {
      case .io, .poisoned: break
      default: Issue.record("call \(call): \(String(describing: error))")
      }
      if !disk.exists("/copy/identity") { _ = try disk.restore(image, to: "/copy", options) }
      let restored = try SimulatedLog("/copy", disk: disk, options: options)
      #expect(try restored.allRecords() == records)
    }
  }

  @Test func `an image of an unknown format is refused with both numbers`() throws {
    let (log, _, options) = try prepared(batches: 2, start: 0)
    var image = try log.image()
    image[8] = 2
    let sum = CRC32C.checksum(Array(image[8..<128]))
    for byte in 0..<4 { image[4 + byte] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * byte)) }
    #expect(
      throws: CommitLogError.unsupportedFormat(file: "image", found: 2, supported: 1)
    ) { _ = try SimulatedDisk().restore(image, to: "/copy", options) }
  }
}
