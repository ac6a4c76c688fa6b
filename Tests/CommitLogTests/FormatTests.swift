@testable import SimulatedDisk
import CommitLog
import Testing

/// The bytes on disk, written out.
@Suite struct FormatTests {
  private func body(_ records: [Record], base: UInt64, term: UInt64) throws -> [UInt8] {
    let disk = SimulatedDisk()
    let clock = TestClock()
    let log = try SimulatedLog("/log", disk: disk, options: .small(clock))
    let batch = FrameBatch()
    batch.begin(
      kind: .noOperation, index: 1, term: term, baseOffset: 0, logTime: 1, commitMark: 0,
      maxTimestampSoFar: 0)
    batch.end()
    if base > 0 {
      batch.begin(
        kind: .data, index: 2, term: term, baseOffset: 0, logTime: 1, commitMark: 0,
        maxTimestampSoFar: 0)
      for _ in 0..<base { batch.append(Record(value: [])) }
      batch.end()
    }
    batch.begin(
      kind: .data, index: base > 0 ? 3 : 2, term: term, baseOffset: base, logTime: 0x0102,
      commitMark: 0, maxTimestampSoFar: 1)
    for record in records { batch.append(record) }
    batch.end()
    let (written, error) = log.write([batch])
    #expect(written == 1 && error == nil)
    var bytes: [UInt8] = []
    var cursor = LogCursor(nextOffset: base)
    _ = try EngineReader(log).read(
      &cursor, limit: .max, maxRecords: .max, maxBytes: .max, mayBlock: true
    ) { bytes = [UInt8]($0.bytes) }
    return bytes
  }

  @Test func `a record is stored as protobuf writes ConsumeResponse.records`() throws {
    let record = Record(
      value: [0xAA, 0xBB], key: [0xCC], headers: [.init(name: "n", value: [0xDD])],
      timestamp: 0x0807_0605_0403_0201, crc32c: 0x0D0C_0B0A)
    #expect(
      try body([record], base: 200, term: 3)
        == [
          0x42, 0x25,  // field 8, 37 bytes
          0x0A, 0x02, 0xAA, 0xBB,  // value
          0x10, 0xC8, 0x01,  // offset 200
          0x18, 0x03,  // term
          0x42, 0x01, 0xCC,  // key
          0x49, 1, 2, 3, 4, 5, 6, 7, 8,  // timestamp
          0x52, 0x06, 0x0A, 0x01, 0x6E, 0x12, 0x01, 0xDD,  // header
          0x5D, 0x0A, 0x0B, 0x0C, 0x0D,  // checksum
        ].fixingLength())
    // Zero and empty fields are left out; the log time stands in for a missing timestamp.
    #expect(
      try body([Record(value: [])], base: 0, term: 1) == [
        0x42, 0x0B, 0x18, 0x01, 0x49, 2, 1, 0, 0, 0, 0, 0, 0,
      ])
  }

  @Test func `records taken back leave no trace, and a frame without records is dropped`() throws {
    let batch = FrameBatch(capacity: 1)
    batch.begin(
      kind: .data, index: 1, term: 1, baseOffset: 0, logTime: 10, commitMark: 0,
      maxTimestampSoFar: 0)
    let empty = batch.mark()
    batch.append(Record(value: [1], timestamp: 99))
    #expect(batch.openRecords == 1)
    batch.rollback(to: empty)
    #expect(batch.openBodyBytes == 0)
    #expect(!batch.end())
    #expect(batch.isEmpty && batch.bytes == 0)
    batch.begin(
      kind: .data, index: 1, term: 1, baseOffset: 0, logTime: 10, commitMark: 0,
      maxTimestampSoFar: 0)
    batch.append(Record(value: [UInt8](repeating: 3, count: 5_000)))
    #expect(batch.end())
    #expect(batch.maxTimestamp == 10 && batch.nextOffset == 1 && batch.lastIndex == 1)
    let log = try SimulatedLog("/log", disk: SimulatedDisk(), options: .small(TestClock()))
    #expect(log.write([batch]).written == 1)
    #expect(try log.allRecords().map(\.value.count) == [5_000])
  }

  @Test func `control frames take an entry and no offset, and segments may share a base offset`()
    throws
  {
    let clock = TestClock()
    let disk = SimulatedDisk()
    let options = CommitLog.Options.small(clock, entries: 2)
    var log = try SimulatedLog("/log", disk: disk, options: options)
    for _ in 0..<7 {
      let batch = FrameBatch()
      batch.begin(
        kind: .noOperation, index: log.tail.nextIndex, term: 1, baseOffset: log.tail.nextOffset,
        logTime: 1, commitMark: 0, maxTimestampSoFar: 0)
      batch.end()
      #expect(log.write([batch]).written == 1)
    }
    #expect(log.offsets == 0..<0)
    #expect(try log.append([Record(value: [5])]) == 0..<1)
    #expect(log.segmentCount == 4)
    try log.close()
    log = try SimulatedLog("/log", disk: disk, options: options)
    #expect(try log.allRecords().map(\.value) == [[5]])
    #expect(log.tail.nextIndex == 9)
    #expect(
      disk.paths(ending: ".store").map { $0.split(separator: "/").last.map(String.init) ?? "" } == [
        "00000000000000000000.00000000000000000003.store",
        "00000000000000000000.00000000000000000005.store",
        "00000000000000000000.00000000000000000007.store",
        "00000000000000000000.store",
      ])
    try log.truncateSuffix(fromIndex: 4)
    #expect(log.tail.nextIndex == 4 && log.offsets == 0..<0)
    #expect(try log.append([Record(value: [6])]) == 0..<1)
  }
}

extension [UInt8] {
  /// With the second byte as the count of what follows it.
  fileprivate func fixingLength() -> [UInt8] {
    var bytes = self
    bytes[1] = UInt8(count - 2)
    return bytes
  }
}
