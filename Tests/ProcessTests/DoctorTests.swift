import TestSupport
import Testing

extension RealProcesses {
  @Suite struct DoctorTests {
    @Test func `doctor names the cause in each broken set-up`() async throws {
      let report = try await PythonScript("ProcessTests/doctor.py").run()
      #expect(report.faults(expecting: Self.checks) == [])
    }

    private static let checks = [
      "a_good_set_up_is_healthy", "nothing_listens", "the_name_does_not_resolve",
      "a_plain_http_server_listens", "nobody_answers_on_the_port", "the_ca_file_is_of_another_ca",
      "the_client_certificate_is_of_another_ca", "the_client_certificate_has_expired",
      "there_is_no_client_certificate", "the_name_is_not_in_the_servers_certificate",
      "the_key_is_of_another_certificate", "the_ca_file_is_missing",
      "the_servers_certificate_has_expired", "no_rule_allows_the_subject_anything",
      "the_advertised_address_cannot_be_reached", "certificates_are_shown_and_judged",
    ]
  }
}
