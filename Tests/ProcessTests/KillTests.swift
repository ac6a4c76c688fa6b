import TestSupport
import Testing

extension RealProcesses {
  /// kill -9 under load. DISTLOG_KILL_ROUNDS sets how often, DISTLOG_KILL_SEED the seed.
  @Suite struct KillTests {
    @Test func `nothing acknowledged is lost when the server is killed under load`() async throws {
      let rounds = max(1, Int(Programs.environment("DISTLOG_KILL_ROUNDS") ?? "") ?? 5)
      let seed = Programs.environment("DISTLOG_KILL_SEED") ?? "1"
      let report = try await PythonScript("ProcessTests/kill_rounds.py").run(
        ["--rounds", "\(rounds)", "--seed", seed], timeoutSeconds: 90 + 10 * Double(rounds))
      let expected = (1...rounds).map { "round \($0)" } + ["all_rounds"]
      #expect(report.faults(expecting: expected) == [], "seed \(seed)")
      print(report.output.split(separator: "\n").first { !$0.hasPrefix("ok") } ?? "")
    }

    @Test func `the kill rounds find a log that forgets what it acknowledged`() async throws {
      let report = try await PythonScript("ProcessTests/kill_rounds.py").run(["--control"])
      #expect(report.faults(expecting: ["control"]) == [])
    }

    @Test func `the judge of the kill rounds finds every bad history`() async throws {
      let report = try await PythonScript("Python/test_history.py").run()
      #expect(report.faults(expecting: Self.histories) == [])
    }

    private static let histories = [
      "a_good_history_passes",
      "a_lost_record_is_found",
      "a_moved_record_is_found",
      "a_record_replaced_by_another_is_found",
      "a_gap_is_found",
      "a_repeated_offset_is_found",
      "a_log_that_does_not_begin_at_zero_is_found",
      "a_record_twice_is_found",
      "a_record_that_nobody_sent_is_found",
      "a_torn_batch_is_found",
      "a_producer_out_of_order_is_found",
      "behind_a_removed_front_faults_are_found_too",
    ]
  }
}
