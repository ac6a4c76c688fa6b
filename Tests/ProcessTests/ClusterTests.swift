import TestSupport
import Testing

extension RealProcesses {
  /// Three servers and more, real processes.
  @Suite struct ClusterTests {
    @Test func `three servers are one log to their clients and operators`() async throws {
      let report = try await PythonScript("ProcessTests/cluster.py").run(timeoutSeconds: 300)
      #expect(report.faults(expecting: Self.checks) == [])
    }

    private static let checks = [
      "three_servers_agree_on_who_they_are",
      "followers_refuse_writes_and_serve_reads",
      "a_request_of_four_mib_reaches_all",
      "what_a_producer_may_not_do_is_refused",
      "duplicates_are_known_to_the_next_leader",
      "any_two_go_on_and_the_third_catches_up",
      "every_server_tells_how_all_stand",
      "sigterm_hands_leadership_over_and_changes_no_members",
      "leadership_goes_where_it_is_sent",
      "a_server_is_replaced_under_load",
      "a_wiped_disk_is_another_server",
      "the_last_majority_is_not_removed",
    ]
  }
}
