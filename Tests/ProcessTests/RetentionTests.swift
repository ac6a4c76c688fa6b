import TestSupport
import Testing

extension RealProcesses {
  @Suite struct RetentionTests {
    @Test func `retention of a running server removes, tells and frees`() async throws {
      let report = try await PythonScript("ProcessTests/retention.py").run()
      #expect(
        report.faults(expecting: [
          "the_start_moves_by_whole_segments_and_readers_below_are_told",
          "a_stream_that_fell_behind_the_start_ends_and_does_not_jump",
          "records_go_by_age_from_a_log_that_is_idle", "a_full_disk_is_freed_by_retention",
        ]) == [])
    }
  }
}
