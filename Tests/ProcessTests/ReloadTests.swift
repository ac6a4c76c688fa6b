import TestSupport
import Testing

extension RealProcesses {
  @Suite struct ReloadTests {
    /// `reload.py --rotations 20 --reload 2s` is the full run.
    @Test func `certificates, revocation lists and rules change under a running server`()
      async throws
    {
      let report = try await PythonScript("ProcessTests/reload.py").run()
      #expect(
        report.faults(expecting: [
          "rotations_under_load_fail_no_request", "a_revoked_client_is_cut_off_and_others_go_on",
          "a_list_that_expired_or_is_missing_lets_nobody_in",
          "an_authority_that_is_taken_away_ends_its_clients",
          "a_certificate_that_expires_ends_its_connection", "changed_rules_apply_to_open_streams",
          "sighup_reloads_at_once", "plain_text_on_the_port_is_answered_readably",
        ]) == [])
      print(report.output)
    }
  }
}
