import CommitLog
import TestSupport
import Testing

extension RealProcesses {
  /// A folder that was made with the library is served as it is, and the other way round.
  @Suite struct LibraryFolderTests {
    @Test func `a server serves a log that the library has cut at its front`() async throws {
      let folder = try TemporaryFolder()
      let data = folder.file("data")
      let kept = UInt64(7)..<UInt64(20)
      try await blocking {
        let log = try CommitLog.open(data)
        for offset in 0..<kept.upperBound {
          _ = try log.append([Record(value: Array("\(offset)".utf8))])
        }
        try log.truncatePrefix(before: kept.lowerBound)
        try log.close()
      }
      let report = try await PythonScript("ProcessTests/truncated_log.py").run([
        data, "\(kept.lowerBound)", "\(kept.upperBound)",
      ])
      #expect(report.faults(expecting: Self.checks) == [])
      let values = try await blocking {
        let log = try CommitLog.open(data)
        defer { try? log.close() }
        return try log.read(from: kept.lowerBound, maxRecords: 100, maxBytes: 1 << 20)
          .map { String(decoding: $0.value, as: UTF8.self) }
      }
      #expect(values == kept.map { "\($0)" } + ["new"])
    }

    private static let checks = [
      "what_was_removed_is_out_of_range",
      "what_was_kept_is_served",
      "on_truncated_goes_on_and_counts_what_is_lost",
      "on_truncated_next_waits_for_what_comes",
    ]
  }
}
