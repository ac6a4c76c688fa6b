@testable import SimulatedDisk
import CommitLog
import Synchronization
import Testing

/// Damage at the end of a log that was not closed.
@Suite struct TornWriteTests {
  enum Tear: CaseIterable { case cut, zeros, garbage }

  struct Prepared {
    var disk: SimulatedDisk
    var clock = TestClock()
    var records: [Record] = []
    /// Where each frame starts, and the end.
    var starts: [Int] = [SegmentLayout.headerBytes]
    var store = ""
    var options: CommitLog.Options
    let notes = Notes()
  }

  final class Notes: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
  }

  enum SegmentLayout { static let headerBytes = 64 }

  /// Six batches, each its own write, in one segment.
  static func prepare() throws -> Prepared {
    let clock = TestClock()
    var options = CommitLog.Options.small(clock, segmentBytes: 1 << 16, entries: 64)
    var prepared = Prepared(disk: SimulatedDisk(), clock: clock, options: options)
    let notes = prepared.notes
    options.note = { notes.add($0) }
    prepared.options = options
    let log = try SimulatedLog("/log", disk: prepared.disk, options: options)
    for number in 0..<6 as Range<UInt64> {
      _ = try log.append([Record(value: Array("value \(number)".utf8))])
      prepared.starts.append(Int(log.sizeBytes))
    }
    prepared.records = try log.allRecords()
    prepared.store = prepared.disk.path(ending: ".store")
    return prepared
  }

  @Test(arguments: Tear.allCases)
  func `a write torn at any byte of the last three frames is cut, all before it is kept`(
    tear: Tear
  ) throws {
    let whole = try TornWriteTests.prepare()
    let bytes = whole.disk.bytes(whole.store)
    let end = whole.starts[6]
    for byte in whole.starts[3]..<end {
      var random = SeededRandom(seed: UInt64(byte))
      let disk = whole.disk.afterPowerCut(.none, &random)
      var torn = bytes
      switch tear {
      case .cut: torn.removeSubrange(byte...)
      case .zeros: for place in byte..<end { torn[place] = 0 }
      case .garbage:
        for place in byte..<end { torn[place] = UInt8(truncatingIfNeeded: random.next() | 1) }
      }
      disk.replace(whole.store, torn)
      // Bytes that were zero before do not tear.
      let kept = whole.starts.lastIndex { torn.starts(with: bytes[..<$0]) } ?? 0
      let log = try SimulatedLog("/log", disk: disk, options: whole.options)
      #expect(try log.allRecords() == Array(whole.records.prefix(kept)), "byte \(byte)")
      #expect(disk.bytes(whole.store).dropFirst(whole.starts[kept]).allSatisfy { $0 == 0 })
      let again = disk.afterPowerCut(.none, &random)
      let reopened = try SimulatedLog("/log", disk: again, options: whole.options)
      #expect(try reopened.allRecords() == Array(whole.records.prefix(kept)), "byte \(byte)")
      _ = try reopened.append([Record(value: [7])])
      #expect(reopened.offsets == 0..<UInt64(kept + 1))
    }
    #expect(whole.notes.all.contains { $0.contains("torn write") && $0.contains("bytes") })
  }

  @Test func `rule 30: a bad frame before a later write is refused with file, position and offset`()
    throws
  {
    let whole = try TornWriteTests.prepare()
    for frame in 0..<5 {
      for byte in [0, 5, 30, 96, 100] {
        var random = SeededRandom(seed: 1)
        let disk = whole.disk.afterPowerCut(.none, &random)
        disk.flip(whole.store, whole.starts[frame] + byte, mask: 0x10)
        let error = #expect(throws: CommitLogError.self) {
          _ = try SimulatedLog("/log", disk: disk, options: whole.options)
        }
        guard case .corrupt(let file, let position, let offset, _) = error else {
          Issue.record("frame \(frame), byte \(byte): \(String(describing: error))")
          continue
        }
        #expect(file == whole.store)
        #expect(position == UInt64(whole.starts[frame]))
        #expect(offset == UInt64(frame))
      }
    }
  }

  @Test func `a second after a write the meta file vouches for it, without another sync`() throws {
    var whole = try TornWriteTests.prepare()
    var random = SeededRandom(seed: 1)
    let disk = whole.disk.afterPowerCut(.all, &random)
    let log = try SimulatedLog("/log", disk: disk, options: whole.options)
    whole.clock.advance(2_000_000_000)
    let syncs = disk.syncs
    _ = try log.append([Record(value: [1])])
    #expect(disk.syncs == syncs + 1)
    // The process is killed; the last frame is damaged.
    let killed = disk.afterPowerCut(.all, &random)
    killed.flip(whole.store, whole.starts[6] + 100, mask: 1)
    whole.store = ""
    #expect(throws: CommitLogError.self) {
      _ = try SimulatedLog("/log", disk: killed, options: whole.options)
    }
  }

  @Test func `after a proper close even the last frame is never taken for torn`() throws {
    let whole = try TornWriteTests.prepare()
    var random = SeededRandom(seed: 1)
    let disk = whole.disk.afterPowerCut(.none, &random)
    try SimulatedLog("/log", disk: disk, options: whole.options).close()
    for byte in whole.starts[5]..<whole.starts[6] {
      let copy = disk.afterPowerCut(.all, &random)
      copy.flip(whole.store, byte, mask: 1)
      #expect(throws: CommitLogError.self) {
        _ = try SimulatedLog("/log", disk: copy, options: whole.options)
      }
    }
    let cut = disk.afterPowerCut(.all, &random)
    cut.replace(whole.store, Array(disk.bytes(whole.store).dropLast(1)))
    #expect(throws: CommitLogError.self) {
      _ = try SimulatedLog("/log", disk: cut, options: whole.options)
    }
  }
}

extension SimulatedDisk {
  /// The first file, by name, that ends so.
  func path(ending suffix: String) -> String { paths(ending: suffix).first ?? "" }

  func paths(ending suffix: String) -> [String] {
    state.withLock { $0.names.keys.filter { $0.hasSuffix(suffix) }.sorted() }
  }

  private func inode(_ path: String) -> Inode? { state.withLock { $0.names[path] } }
  func bytes(_ path: String) -> [UInt8] { inode(path)?.bytes ?? [] }
  func replace(_ path: String, _ bytes: [UInt8]) { inode(path)?.replace(bytes) }
  func flip(_ path: String, _ byte: Int, mask: UInt8) { inode(path)?.flip(byte, mask: mask) }
}
