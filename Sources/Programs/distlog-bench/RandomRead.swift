import ArgumentParser
import CommitLog
import Foundation

/// `distlog-bench random-read`: one record at a random offset, out of batches of several sizes.
struct RandomRead: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "random-read",
    abstract: "Measure reading one record at a random offset of a log.",
    discussion: """
      For each batch size a log is written in a new folder inside --folder, and removed afterwards. \
      Each batch is read from once before the measurement, so that the page cache has it. \
      "reader" is what a server's consumers use, "library" the call `read` of the Swift library, \
      which makes values of the records.
      """)

  @Option(help: "A folder for the logs.") var folder = NSTemporaryDirectory()
  @Option(help: "Records in each log.") var records = 400_000
  @Option(help: "Bytes of each value.") var valueBytes = 128
  @Option(help: "Seconds to measure each figure.") var seconds = 2.0
  @Option(name: .customLong("batch"), help: "Records of one batch; may be given several times.")
  var batches = [1, 100, 10_000]

  func validate() throws {
    guard records > 0, valueBytes >= 0, valueBytes <= 1 << 20, seconds > 0,
      batches.allSatisfy({ $0 > 0 && $0 * (valueBytes + 64) <= 16 << 20 })
    else { throw ValidationError("a batch must hold a record, and at most 16 MiB of them") }
  }

  func run() throws {
    print("one record of \(valueBytes) B at a random offset, \(records) records, warm")
    print("batch of   reader p50 / p99, µs    library p50 / p99, µs")
    var first: Double?
    for size in batches {
      let path = "\(folder)/random-read-\(ProcessInfo.processInfo.processIdentifier)"
      defer { try? FileManager.default.removeItem(atPath: path) }
      try fill(path, batch: size)
      let log = try CommitLog.open(path)
      let reader = try measure(log, batch: size, through: LogReader(log: log))
      let library = try measure(log, batch: size) { offset in
        try log.read(from: offset, maxRecords: 1).count
      }
      let p50 = Self.microseconds(reader, 0.5)
      first = first ?? p50
      let figures = [reader, library].map { times in
        [0.5, 0.99].map { Self.text(Self.microseconds(times, $0)) }.joined(separator: " / ")
      }
      let ratio = "reader: \(Self.text(p50 / (first ?? p50))) times that of \(batches[0])"
      print("\(size)   \(figures[0])   \(figures[1])   \(ratio)")
      try log.close()
    }
  }

  private func fill(_ path: String, batch size: Int) throws {
    let log = try LogEngine(path, disk: LinuxDisk(), options: CommitLog.Options())
    let value = [UInt8](repeating: 0x5A, count: valueBytes)
    var offset: UInt64 = 0
    var index: UInt64 = 1
    while offset < UInt64(records) {
      let group = FrameBatch()
      repeat {
        group.begin(
          kind: .data, index: index, term: 1, baseOffset: offset, logTime: index, commitMark: 0,
          maxTimestampSoFar: 0)
        for _ in 0..<size { group.append(Record(value: value)) }
        group.end()
        offset += UInt64(size)
        index += 1
      } while offset < UInt64(records) && offset % 10_000 != 0
      if let error = log.write([group]).error { throw error }
    }
    try log.close()
  }

  private func measure(
    _ log: CommitLog, batch size: Int, through reader: LogReader
  ) throws -> Histogram {
    try measure(log, batch: size) { offset in
      var cursor = LogCursor(nextOffset: offset)
      var count = 0
      _ = try reader.read(
        &cursor, limit: .max, maxRecords: 1, maxBytes: 1 << 20, mayBlock: true
      ) { count = $0.count }
      return count
    }
  }

  private func measure(
    _ log: CommitLog, batch size: Int, _ read: (UInt64) throws -> Int
  ) throws -> Histogram {
    let end = log.offsets.upperBound
    // From inside each batch, as most reads do.
    for offset in stride(from: UInt64(size / 2), to: end, by: size) { _ = try read(offset) }
    var times = Histogram()
    var random = SystemRandomNumberGenerator()
    let until = monotonicNow() + UInt64(seconds * 1e9)
    var before = monotonicNow()
    while before < until {
      let count = try read(UInt64.random(in: 0..<end, using: &random))
      let after = monotonicNow()
      guard count == 1 else { throw ValidationError("\(count) records instead of one") }
      times.record(after - before)
      before = after
    }
    return times
  }

  private static func microseconds(_ times: Histogram, _ share: Double) -> Double {
    Double(times.quantile(share)) / 1000
  }

  private static func text(_ value: Double) -> String { String(format: "%.1f", value) }
}
