import TestSupport
import Testing

extension RealProcesses {
  @Suite struct StopTests {
    @Test func `a server that is told to stop leaves calls and files in order`() async throws {
      let report = try await PythonScript("ProcessTests/stopping.py").run()
      #expect(report.faults(expecting: Self.checks) == [])
    }

    /// DISTLOG_BIG_LOG_MIB sets the size; 1024 is the full run.
    @Test func `a start reads only the end of the last segment`() async throws {
      let report = try await PythonScript("ProcessTests/restart_reads.py").run(timeoutSeconds: 900)
      #expect(report.faults(expecting: ["restart_reads_only_the_tail"]) == [])
      print(report.output)
    }

    private static let checks = [
      "sigterm_under_load_ends_every_call_with_a_status_and_exits_0",
      "sigterm_under_load_loses_nothing_that_was_acknowledged",
      "sigterm_leaves_indexes_that_end_at_their_last_entry",
      "files_and_folders_are_their_owners_only",
      "an_idle_server_stops_at_once",
      "a_long_poll_does_not_hold_up_a_stop", "a_second_sigterm_stops_at_once",
      "a_drain_that_takes_too_long_is_ended",
      "a_restart_after_kill_cuts_nothing_that_was_acknowledged",
      "a_damaged_record_is_data_loss_and_the_others_are_served",
    ]
  }
}
