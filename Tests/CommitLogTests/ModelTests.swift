@testable import SimulatedDisk
import CommitLog
import Foundation
import Testing

/// Random operations on a log over the simulated disk beside a model of it.
struct ModelRun {
  let clock = TestClock()
  var random: SeededRandom
  var disk = SimulatedDisk()
  var log: SimulatedLog
  var reader: EngineReader<SimulatedDisk>
  var cursor = LogCursor(nextOffset: 0)
  var model = LogModel()
  var crashes = 0

  init(seed: UInt64) throws {
    random = SeededRandom(seed: seed)
    log = try SimulatedLog("/log", disk: disk, options: ModelRun.options(clock))
    reader = EngineReader(log)
  }

  static func options(_ clock: TestClock) -> CommitLog.Options {
    var options = CommitLog.Options.small(clock)
    options.retention = Retention(bytes: 6_000, age: 2_000_000_000)
    return options
  }

  mutating func step(crashing: Bool = true) throws {
    clock.advance(UInt64(random.below(50_000_000)))
    switch random.below(100) {
    case 0..<55: try append()
    case 55..<75: try readSome()
    case 75..<85: try follow()
    case 85..<89: try truncateSuffix()
    case 89..<92: try truncatePrefix()
    case 92: try applyRetention()
    case 93..<96: try lookUp()
    case 96..<98: try reopen()
    default: if crashing { try crash() }
    }
    try expect(log.offsets == model.offsets, "\(log.offsets) instead of \(model.offsets)")
  }

  struct Difference: Error { var what: String }

  /// Cheaper than #expect, which is called millions of times here.
  func expect(_ holds: Bool, _ what: @autoclosure () -> String) throws {
    if !holds { throw Difference(what: what()) }
  }

  private mutating func append() throws {
    let records = random.records(from: model.next)
    let range = try log.append(records)
    model.append(records, time: clock.now)
    try expect(range.upperBound == model.next, "append gave \(range)")
  }

  private mutating func readSome() throws {
    guard !model.offsets.isEmpty else { return }
    let offset = model.start + UInt64(random.below(model.offsets.count))
    let count = 1 + random.below(5)
    let found = try EngineReader(log).read(from: offset, maxRecords: count, maxBytes: 1 << 20)
    let wanted = Array(model.records.dropFirst(Int(offset - model.start)).prefix(count))
    try expect(found == wanted, "at \(offset): \(found) instead of \(wanted)")
  }

  /// One long-lived reader goes on from where it was, whatever happened to the log.
  private mutating func follow() throws {
    if cursor.nextOffset < model.start || cursor.nextOffset > model.next || random.below(20) == 0 {
      cursor = LogCursor(nextOffset: model.start)
    }
    let before = cursor.nextOffset
    var count = 0
    let outcome = try reader.read(
      &cursor, limit: .max, maxRecords: 1 + random.below(4), maxBytes: random.below(400),
      mayBlock: true
    ) { run in count = run.count }
    try expect((outcome == .run) == (before < model.next), "\(outcome) at \(before)")
    try expect(cursor.nextOffset == before + UInt64(count), "the cursor moved by \(count)")
  }

  private mutating func truncateSuffix() throws {
    guard let batch = model.batches.last(where: { $0.base >= model.start }) else { return }
    let kept = model.batches.filter { $0.base >= model.start }
    let back = min(kept.count, 1 + random.below(6))
    let offset = random.below(4) == 0 ? batch.base : kept[kept.count - back].base
    try log.truncateSuffix(from: offset)
    model.truncateSuffix(from: offset)
  }

  private mutating func truncatePrefix() throws {
    let count = model.offsets.count
    guard count > 0 else { return }
    let offset = model.start + UInt64(random.below(count > 60 ? count + 1 : count / 2 + 1))
    try log.truncatePrefix(before: offset)
    model.truncatePrefix(before: offset)
  }

  private mutating func applyRetention() throws {
    while let step = try log.applyRetention() {
      try expect(step.removed.lowerBound == model.start || step.removed.isEmpty, "\(step)")
      if !step.removed.isEmpty { model.truncatePrefix(before: step.removed.upperBound) }
      if step.cause == .bytes { try expect(log.sizeBytes >= 6_000, "\(log.sizeBytes) bytes left") }
    }
  }

  private mutating func lookUp() throws {
    let records = model.records
    let timestamp = UInt64(random.below(100_000))
    let found = try log.offset(at: timestamp)
    // Linear: the running maximum reaches the timestamp here, or had reached it before the first kept record.
    if let found {
      let limit = records.first { $0.timestamp >= timestamp }
      try expect(
        found.offset == limit?.offset || found.offset == model.start, "\(timestamp): \(found)")
    } else {
      try expect(records.allSatisfy { $0.timestamp < timestamp }, "\(timestamp): nothing")
    }
  }

  mutating func reopen() throws {
    try log.close()
    try open()
  }

  mutating func crash() throws {
    crashes += 1
    let fate = CrashFate.allCases[random.below(4)]
    disk = disk.afterPowerCut(fate, &random)
    try open()
    try expect(log.offsets == model.offsets, "after \(fate): \(log.offsets)")
    try expect(try log.allRecords() == model.records, "records differ after \(fate)")
  }

  private mutating func open() throws {
    log = try SimulatedLog("/log", disk: disk, options: ModelRun.options(clock))
    reader = EngineReader(log)
    cursor = LogCursor(nextOffset: cursor.nextOffset)
  }
}

@Suite struct ModelTests {
  /// Seeds x operations; DISTLOG_MODEL_SEEDS and DISTLOG_MODEL_OPERATIONS make it smaller or larger.
  static let seeds = size("DISTLOG_MODEL_SEEDS", 100)
  static let operations = size("DISTLOG_MODEL_OPERATIONS", 10_000)

  static func size(_ name: String, _ normal: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? normal
  }

  @Test func `a log does what an array of arrays does, through reopening and power cuts`()
    async throws
  {
    await withTaskGroup(of: Void.self) { group in
      for lane in 0..<2 {
        group.addTask {
          for seed in stride(from: lane, to: ModelTests.seeds, by: 2) {
            ModelTests.run(seed: UInt64(seed))
          }
        }
      }
    }
  }

  private static func run(seed: UInt64) {
    do {
      var run = try ModelRun(seed: seed)
      for operation in 0..<operations {
        do {
          try run.step()
        } catch {
          Issue.record("seed \(seed), operation \(operation): \(error)")
          return
        }
      }
      try run.crash()
      #expect(run.crashes > 0)
    } catch {
      Issue.record("seed \(seed): \(error)")
    }
  }
}
