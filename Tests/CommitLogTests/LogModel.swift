@testable import SimulatedDisk
import CommitLog
import Synchronization

/// A clock that tests move.
final class TestClock: Sendable {
  private let time = Atomic<UInt64>(1_000)

  var now: UInt64 { time.load(ordering: .relaxed) }
  func advance(_ nanoseconds: UInt64) { time.add(nanoseconds, ordering: .relaxed) }
}

extension CommitLog.Options {
  /// Small segments, so that a test sees many.
  static func small(
    _ clock: TestClock, segmentBytes: Int = 2048, entries: Int = 12
  ) -> CommitLog.Options {
    var options = CommitLog.Options()
    options.segmentBytes = segmentBytes
    options.indexBytes = entries * 12
    options.reserveStep = 512
    options.clock = { clock.now }
    return options
  }
}

typealias SimulatedLog = LogEngine<SimulatedDisk>

extension LogEngine {
  /// All records from the start on.
  func allRecords() throws -> [Record] {
    let offsets = self.offsets
    return try EngineReader(self).read(
      from: offsets.lowerBound, maxRecords: .max, maxBytes: .max)
  }
}

/// The log as it must be: arrays of arrays.
struct LogModel: Equatable {
  struct Batch: Equatable {
    var base: UInt64
    var records: [Record]
    var next: UInt64 { base + UInt64(records.count) }
  }

  var batches: [Batch] = []
  var start: UInt64 = 0
  var next: UInt64 = 0

  var offsets: Range<UInt64> { start..<next }
  var records: [Record] { batches.flatMap(\.records).filter { $0.offset >= start } }

  mutating func append(_ records: [Record], time: UInt64, term: UInt64 = 1) {
    var stored = records
    for place in stored.indices {
      stored[place].offset = next + UInt64(place)
      stored[place].term = term
      if stored[place].timestamp == 0 { stored[place].timestamp = time }
    }
    batches.append(Batch(base: next, records: stored))
    next += UInt64(records.count)
  }

  mutating func truncateSuffix(from offset: UInt64) {
    batches.removeAll { $0.base >= offset }
    next = offset
  }

  mutating func truncatePrefix(before offset: UInt64) {
    start = max(start, offset)
    batches.removeAll { $0.next <= start }
  }
}

extension SeededRandom {
  /// A record with whatever fields.
  mutating func record(_ number: UInt64) -> Record {
    var record = Record(value: Array("record \(number)".utf8))
    switch below(8) {
    case 0: record.value = []
    case 1: record.key = Array("key \(number)".utf8)
    case 2: record.headers = [.init(name: "name", value: [1, 2, 3]), .init(name: "", value: [])]
    case 3: record.timestamp = UInt64(1 + below(100_000))
    case 4: record.crc32c = UInt32(truncatingIfNeeded: next() | 1)
    case 5: record.value = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: below(300))
    default: break
    }
    return record
  }

  mutating func records(from number: UInt64) -> [Record] {
    (0..<UInt64(1 + below(3))).map { record(number + $0) }
  }
}
