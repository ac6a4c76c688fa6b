@testable import SimulatedDisk
import Testing

@testable import CommitLog

/// Rules of storage that no other test here is named by. docs/storage.md lists all of them.
@Suite struct StorageRuleTests {
  private func prepared(
    _ batches: Int = 3
  ) throws -> (disk: SimulatedDisk, records: [Record], options: CommitLog.Options) {
    let options = CommitLog.Options.small(TestClock(), segmentBytes: 1 << 16, entries: 100)
    let disk = SimulatedDisk()
    let log = try SimulatedLog("/log", disk: disk, options: options)
    for number in 0..<batches { _ = try log.append([Record(value: Array("value \(number)".utf8))]) }
    return (disk, try log.allRecords(), options)
  }

  /// A frame header with a right checksum, whatever it claims.
  private func frame(bodyLength: UInt32, index: UInt64, offset: UInt64) -> [UInt8] {
    var header = FrameHeader()
    header.bodyLength = bodyLength
    header.recordCount = 1
    header.index = index
    header.term = 1
    header.baseOffset = offset
    var bytes = [UInt8](repeating: 0, count: FrameHeader.size)
    bytes.withUnsafeMutableBytes { buffer in
      if let base = buffer.baseAddress { header.write(to: base) }
    }
    return bytes
  }

  @Test func `rule 29: a length is believed only as far as the file reaches and the limit allows`()
    throws
  {
    for length in [UInt32(1) << 20, 16 << 20, (16 << 20) + 1, .max] {
      let (disk, records, options) = try prepared()
      let path = disk.path(ending: ".store")
      var random = SeededRandom(seed: 1)
      let closed = disk.afterPowerCut(.all, &random)
      try SimulatedLog("/log", disk: closed, options: options).close()
      let end = closed.bytes(path).count
      var bytes = disk.bytes(path) + [UInt8](repeating: 0, count: 1024)
      bytes.replaceSubrange(
        end..<end + FrameHeader.size, with: frame(bodyLength: length, index: 4, offset: 3))
      disk.replace(path, bytes)
      // Never acknowledged, so it is cut; memory for what it claims is never taken.
      let log = try SimulatedLog("/log", disk: disk, options: options)
      #expect(try log.allRecords() == records, "\(length)")
    }
  }

  @Test func `rule 29: zeros are the end only where nothing but zeros follows`() throws {
    let (disk, records, options) = try prepared()
    let notes = Notes()
    var noting = options
    noting.note = { notes.add($0) }
    let path = disk.path(ending: ".store")
    var bytes = disk.bytes(path)
    bytes[bytes.count - 1] = 1
    disk.replace(path, bytes)
    let log = try SimulatedLog("/log", disk: disk, options: noting)
    #expect(try log.allRecords() == records)
    #expect(notes.count == 1, "what is cut is told of")
    try log.close()
    notes.clear()
    _ = try SimulatedLog("/log", disk: disk, options: noting)
    #expect(notes.count == 0, "it is gone for good")
  }

  @Test func `rule 33: after a failed fsync nothing is synced again, and recovery reads the disk`()
    throws
  {
    var failed = 0
    for call in 1...6 {
      let (disk, records, options) = try prepared()
      let log = try SimulatedLog("/log", disk: disk, options: options)
      disk.faults.failingCall = disk.calls + call
      let append = Result { try log.append([Record(value: [1])]) }
      guard case .failure(CommitLogError.io(_, let failing, _)) = append, failing.hasSuffix("sync")
      else { continue }
      failed += 1
      let syncs = disk.syncs
      #expect(throws: CommitLogError.self) { _ = try log.append([Record(value: [2])]) }
      #expect(throws: CommitLogError.self) { try log.close() }
      #expect(disk.syncs == syncs, "it was synced again")
      var random = SeededRandom(seed: 2)
      let reopened = try SimulatedLog(
        "/log", disk: disk.afterPowerCut(.none, &random), options: options)
      #expect(try reopened.allRecords() == records)
    }
    #expect(failed > 0)
  }

  @Test func `rule 43: a frame that was damaged in memory stops the process before it is written`()
    async
  {
    await #expect(processExitsWith: .failure) {
      let disk = SimulatedDisk()
      let options = CommitLog.Options.small(TestClock())
      guard let log = try? SimulatedLog("/log", disk: disk, options: options) else { return }
      let batch = FrameBatch()
      batch.begin(
        kind: .data, index: 1, term: 1, baseOffset: 0, logTime: 1, commitMark: 0,
        maxTimestampSoFar: 0)
      batch.append(Record(value: [1]))
      batch.end()
      batch.memory.storeBytes(of: 7, toByteOffset: 30, as: UInt8.self)
      _ = log.write([batch])
    }
  }
}
