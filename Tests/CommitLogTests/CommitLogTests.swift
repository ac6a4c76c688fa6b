import CommitLog
import Foundation
import Testing

/// A folder of its own on the real disk, removed with the last reference.
final class TemporaryFolder {
  let path = NSTemporaryDirectory() + "distlog-log-" + UUID().uuidString

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func files(ending suffix: String) -> [String] {
    let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    return names.filter { $0.hasSuffix(suffix) }.sorted().map { path + "/" + $0 }
  }

  func attribute(_ file: String, _ key: FileAttributeKey) throws -> Int {
    try (FileManager.default.attributesOfItem(atPath: file)[key] as? NSNumber)?.intValue ?? -1
  }
}

/// The public face, on the real disk.
@Suite struct CommitLogTests {
  let folder = TemporaryFolder()

  private func values(_ texts: String...) -> [Record] {
    texts.map { Record(value: Array($0.utf8)) }
  }

  @Test func `what was appended is read back, also after closing and opening again`() throws {
    var options = CommitLog.Options()
    options.segmentBytes = 4096
    options.reserveStep = 4096
    var log = try CommitLog.open(folder.path, options: options)
    #expect(log.offsets == 0..<0)
    #expect(try log.read(from: 0) == [])
    let full = Record(
      value: [0, 1, 255], key: [7],
      headers: [.init(name: "a", value: [1]), .init(name: "a", value: [])],
      timestamp: 99, crc32c: 5)
    #expect(try log.append([full] + values("x", "")) == 0..<3)
    for number in 0..<100 { _ = try log.append(values("value \(number)")) }
    #expect(log.segmentCount > 2)
    for _ in 0..<2 {
      let records = try log.read(from: 0)
      #expect(records.count == 103)
      #expect(records.map(\.offset) == Array(0..<103))
      #expect(records[0].value == full.value && records[0].key == full.key)
      #expect(records[0].headers == full.headers && records[0].crc32c == 5)
      #expect(records[0].timestamp == 99 && records[0].term == 1)
      #expect(records[102].value == Array("value 99".utf8))
      #expect(try log.read(from: 50, maxRecords: 2).map(\.offset) == [50, 51])
      #expect(try log.read(from: 50, maxBytes: 1).map(\.offset) == [50])
      #expect(try log.read(from: 103) == [])
      try log.close()
      log = try CommitLog.open(folder.path, options: options)
    }
    #expect(throws: CommitLogError.offsetOutOfRange(offset: 104, available: 0..<103)) {
      _ = try log.read(from: 104)
    }
    try log.close()
    #expect(throws: CommitLogError.closed) { _ = try log.append(values("late")) }
    #expect(throws: CommitLogError.closed) { _ = try log.read(from: 0) }
  }

  @Test func `an empty batch and one over 16 MiB are refused`() throws {
    let log = try CommitLog.open(folder.path)
    #expect(throws: CommitLogError.emptyBatch) { _ = try log.append([]) }
    let huge = Record(value: [UInt8](repeating: 1, count: 16 << 20))
    let error = #expect(throws: CommitLogError.self) { _ = try log.append([huge]) }
    guard case .batchTooLarge(_, 16_777_216) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(log.offsets == 0..<0)
  }

  @Test func `rule 41: only one opener at a time, and the message names it`() throws {
    let log = try CommitLog.open(folder.path)
    let pid = ProcessInfo.processInfo.processIdentifier
    #expect(throws: CommitLogError.locked(folder: folder.path, pid: pid)) {
      _ = try CommitLog.open(folder.path)
    }
    try log.close()
    try CommitLog.open(folder.path).close()
  }

  @Test func `files are the owner's alone, and an index ends at its last entry after a close`()
    throws
  {
    let log = try CommitLog.open(folder.path)
    for number in 0..<5 { _ = try log.append(values("value \(number)")) }
    let index = try #require(folder.files(ending: ".index").first)
    #expect(try folder.attribute(index, .size) > 60)
    try log.close()
    #expect(try folder.attribute(index, .size) == 60)
    let store = try #require(folder.files(ending: ".store").first)
    #expect(try folder.attribute(store, .size) == Int(log.sizeBytes))
    for file in [index, store, folder.path + "/identity", folder.path + "/lock"] {
      #expect(try folder.attribute(file, .posixPermissions) == 0o600, "\(file)")
    }
    #expect(try folder.attribute(folder.path, .posixPermissions) == 0o700)
    #expect(try folder.attribute(folder.path + "/logs", .posixPermissions) == 0o700)
  }

  @Test func `a log that was not closed is there again, its index not taken at its file size`()
    throws
  {
    var log = try CommitLog.open(folder.path)
    for number in 0..<5 { _ = try log.append(values("value \(number)")) }
    let copy = TemporaryFolder()
    try FileManager.default.copyItem(atPath: folder.path, toPath: copy.path)
    log = try CommitLog.open(copy.path)
    #expect(log.offsets == 0..<5)
    #expect(try log.append(values("next")) == 5..<6)
    #expect(try log.read(from: 0).map(\.offset) == Array(0..<6))
  }

  @Test func `a conflicting suffix is cut and the front is kept, and the other way round`() throws {
    let log = try CommitLog.open(folder.path)
    for number in 0..<10 { _ = try log.append(values("a\(number)", "b\(number)")) }
    #expect(throws: CommitLogError.insideBatch(offset: 15, batch: 14..<16)) {
      try log.truncateSuffix(from: 15)
    }
    try log.truncateSuffix(from: 14)
    #expect(log.offsets == 0..<14)
    #expect(try log.append(values("new")) == 14..<15)
    try log.truncatePrefix(before: 3)
    #expect(log.offsets == 3..<15)
    #expect(throws: CommitLogError.offsetTruncated(offset: 2, start: 3)) {
      _ = try log.read(from: 2)
    }
    #expect(try log.read(from: 3).map(\.offset) == Array(3..<15))
    #expect(try log.read(from: 14)[0].value == Array("new".utf8))
    try log.truncateSuffix(from: 4)
    try log.truncatePrefix(before: 4)
    #expect(log.offsets == 4..<4)
    #expect(try log.append(values("again")) == 4..<5)
    try log.close()
    #expect(try CommitLog.open(folder.path).offsets == 4..<5)
  }

  @Test func `a restart with 1 GiB of log reads only the tail of the last segment`() throws {
    let engine = try LogEngine(folder.path, disk: LinuxDisk(), options: CommitLog.Options())
    let batch = FrameBatch(capacity: 9 << 20)
    let value = [UInt8](repeating: 7, count: 1 << 20)
    for number in 0..<128 as Range<UInt64> {
      batch.reset()
      batch.begin(
        kind: .data, index: number + 1, term: 1, baseOffset: number * 8, logTime: 1,
        commitMark: number, maxTimestampSoFar: 0)
      for _ in 0..<8 { batch.append(Record(value: value)) }
      batch.end()
      #expect(engine.write([batch]).error == nil)
    }
    try engine.close()
    let log = try CommitLog.open(folder.path)
    _ = try log.append(values("the last"))
    #expect(log.sizeBytes > 1 << 30)
    let segments = log.segmentCount
    #expect(segments > 15)
    try log.close()
    let reopened = try CommitLog.open(folder.path)
    #expect(reopened.offsets == 0..<1025)
    // Of each other segment two headers, of the last one its last frame.
    #expect(reopened.statistics.reads <= 2 * segments + 10)
    #expect(reopened.statistics.bytes < 16 << 10)
  }

  @Test func `unknown formats are refused with both numbers`() throws {
    try CommitLog.open(folder.path).close()
    let path = folder.path + "/identity"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try text.replacingOccurrences(of: "format 1", with: "format 2")
      .write(toFile: path, atomically: false, encoding: .utf8)
    #expect(throws: CommitLogError.unsupportedFormat(file: path, found: 2, supported: 1)) {
      _ = try CommitLog.open(folder.path)
    }
  }
}
