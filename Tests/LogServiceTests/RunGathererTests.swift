import CommitLog
import TestSupport
import Testing

@testable import LogService

@Suite struct RunGathererTests {
  /// A log of single-record frames and what a consumer with `limits` gets of it, run by run.
  private func runs(
    _ values: [[UInt8]], _ limits: RunGatherer.Limits
  ) throws -> [(first: UInt64, values: [[UInt8]])] {
    let folder = try TemporaryFolder()
    let log = try CommitLog.open(folder.file("data"))
    for value in values { _ = try log.append([Record(value: value)]) }
    let gatherer = RunGatherer(LogReader(log: log))
    var cursor = LogCursor(nextOffset: 0)
    var runs: [(first: UInt64, values: [[UInt8]])] = []
    while try gatherer.read(
      &cursor, limits, mayBlock: true,
      { run in
        var fields = StoredRecords(run.bytes)
        var found: [[UInt8]] = []
        while let record = fields.nextRecord() { found.append(Array(record)) }
        #expect(found.count == run.count)
        runs.append((run.firstOffset, found))
      }) == .run
    {}
    try log.close()
    return runs
  }

  @Test func `small frames are joined up to the message's records`() throws {
    let values = (0..<10).map { [UInt8($0)] }
    let runs = try runs(values, .init(offset: .max, records: 4, bytes: 1 << 20))
    #expect(runs.map(\.first) == [0, 4, 8])
    #expect(runs.map(\.values.count) == [4, 4, 2])
  }

  @Test func `small frames are joined up to the message's bytes`() throws {
    let values = (0..<20).map { [UInt8](repeating: UInt8($0), count: 100) }
    let runs = try runs(values, .init(offset: .max, records: 1000, bytes: 500))
    #expect(runs.allSatisfy { (1...5).contains($0.values.count) })
    #expect(runs.map(\.values.count).reduce(0, +) == 20)
    #expect(runs.count <= 6)
  }

  @Test func `a record over the message's bytes comes alone, and none is lost around it`() throws {
    let large = [UInt8](repeating: 7, count: 5000)
    let values: [[UInt8]] = [[1], [2], large, [3], [4]]
    let runs = try runs(values, .init(offset: .max, records: 1000, bytes: 1000))
    #expect(runs.map(\.values.count) == [2, 1, 2])
    #expect(runs[1].values[0].count > 5000)
  }

  @Test func `nothing at or past the limit is given`() throws {
    let runs = try runs([[1], [2], [3]], .init(offset: 2, records: 1000, bytes: 1000))
    #expect(runs.map(\.values.count) == [2])
  }
}
