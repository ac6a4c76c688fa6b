@testable import SimulatedDisk
import CommitLog
import Foundation
import Testing

/// Data folders that released versions wrote, kept in Tests/Fixtures: this version reads them.
@Suite struct FixtureTests {
  private static let fixtures = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures")

  /// A record in one line of text.
  private static func line(_ record: Record) -> String {
    let headers = record.headers.map { "\($0.name)=\(hex($0.value))" }.joined(separator: ",")
    return
      "\(record.offset) \(record.term) \(record.timestamp) \(record.crc32c) [\(hex(record.key))] "
      + "[\(headers)] \(hex(record.value))"
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static func listing(_ log: CommitLog) throws -> String {
    try log.read(from: log.offsets.lowerBound, maxRecords: .max, maxBytes: .max)
      .map { line($0) + "\n" }.joined()
  }

  private static func options() -> CommitLog.Options {
    var options = CommitLog.Options()
    options.segmentBytes = 600
    options.indexBytes = 8 * 12
    options.reserveStep = 512
    return options
  }

  @Test(arguments: ["format-1", "format-1-not-closed"])
  func `a data folder of an earlier version is read, appended to, and read again`(
    name: String
  ) throws {
    let fixture = Self.fixtures.appending(path: name)
    let work = FileManager.default.temporaryDirectory.appending(path: "fixture-\(UUID())")
    try FileManager.default.copyItem(at: fixture.appending(path: "data"), to: work)
    defer { try? FileManager.default.removeItem(at: work) }
    let expected = try String(
      contentsOf: fixture.appending(path: "records.txt"), encoding: .utf8)
    #expect(try CommitLog.inspect(folder: work.path).findings == [])
    let log = try CommitLog.open(work.path, options: Self.options())
    #expect(try Self.listing(log) == expected)
    let range = try log.append([Record(value: [1, 2, 3], timestamp: 5)])
    try log.close()
    let again = try CommitLog.open(work.path, options: Self.options())
    #expect(try Self.listing(again).hasPrefix(expected))
    #expect(again.offsets.upperBound == range.upperBound)
    try again.close()
  }

  /// Writes the fixtures: DISTLOG_WRITE_FIXTURES names the folder. Only for a format that was not released yet.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["DISTLOG_WRITE_FIXTURES"] != nil))
  func `fixtures are written`() throws {
    let folder = try #require(ProcessInfo.processInfo.environment["DISTLOG_WRITE_FIXTURES"])
    for (name, closes) in [("format-1", true), ("format-1-not-closed", false)] {
      let place = URL(filePath: folder).appending(path: name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      let data = place.appending(path: "data").path
      let log = try CommitLog.open(data, options: Self.options())
      var random = SeededRandom(seed: 1)
      for number in 0..<40 as Range<UInt64> { _ = try log.append(random.records(from: number)) }
      try log.truncatePrefix(before: 9)
      try Self.listing(log).write(
        to: place.appending(path: "records.txt"), atomically: true, encoding: .utf8)
      if closes {
        try log.close()
      } else {
        // As a kill leaves it.
        try FileManager.default.copyItem(atPath: data, toPath: data + ".copy")
        try log.close()
        try FileManager.default.removeItem(atPath: data)
        try FileManager.default.moveItem(atPath: data + ".copy", toPath: data)
      }
      try FileManager.default.removeItem(atPath: data + "/lock")
    }
  }

  @Test func `unknown formats are refused with both numbers`() throws {
    let clock = TestClock()
    for (suffix, place, covered) in [
      (".store", 2, 0..<0), ("/meta", 8, 8..<120),
    ] {
      let disk = SimulatedDisk()
      let log = try SimulatedLog("/log", disk: disk, options: .small(clock))
      _ = try log.append([Record(value: [1])])
      try log.close()
      let path = disk.path(ending: suffix)
      var bytes = disk.bytes(path)
      for slot in suffix == "/meta" ? [0, 4096] : [0] {
        bytes[slot + place] = 9
        let sum =
          suffix == "/meta"
          ? CRC32C.checksum(Array(bytes[slot + covered.lowerBound..<slot + covered.upperBound]))
          : CRC32C.checksum(Array(bytes[..<4] + bytes[8..<64]))
        for byte in 0..<4 {
          bytes[slot + 4 + byte] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * byte))
        }
      }
      disk.replace(path, bytes)
      #expect(
        throws: CommitLogError.unsupportedFormat(file: path, found: 9, supported: 1), "\(suffix)"
      ) { _ = try SimulatedLog("/log", disk: disk, options: .small(clock)) }
    }
  }

  @Test(arguments: [true, false])
  func `a frame of an unknown format is refused with both numbers, never cut`(
    closed: Bool
  ) throws {
    let disk = SimulatedDisk()
    let options = CommitLog.Options.small(TestClock())
    let log = try SimulatedLog("/log", disk: disk, options: options)
    for number in 0..<3 as Range<UInt8> { _ = try log.append([Record(value: [number])]) }
    if closed { try log.close() }
    let path = disk.path(ending: ".store")
    var bytes = disk.bytes(path)
    let last = try #require(bytes.lastRange(of: Array("DLFR".utf8)))
    bytes[last + 16] = 3
    let sum = CRC32C.checksum(Array(bytes[last + 8..<last + FrameHeader.size]))
    for byte in 0..<4 {
      bytes[last + 4 + byte] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * byte))
    }
    disk.replace(path, bytes)
    var random = SeededRandom(seed: 1)
    let copy = disk.afterPowerCut(.all, &random)
    #expect(throws: CommitLogError.unsupportedFormat(file: path, found: 3, supported: 1)) {
      _ = try SimulatedLog("/log", disk: copy, options: options)
    }
    #expect(copy.bytes(path) == bytes)
  }

  @Test func `an identity of an unknown format is refused with both numbers`() throws {
    let disk = SimulatedDisk()
    let options = CommitLog.Options.small(TestClock())
    try SimulatedLog("/log", disk: disk, options: options).close()
    let text = String(decoding: disk.bytes("/log/identity"), as: UTF8.self)
    disk.replace("/log/identity", Array(text.replacing("format 1", with: "format 7").utf8))
    #expect(
      throws: CommitLogError.unsupportedFormat(file: "/log/identity", found: 7, supported: 1)
    ) { _ = try SimulatedLog("/log", disk: disk, options: options) }
  }
}
