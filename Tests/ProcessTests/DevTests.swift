import TestSupport
import Testing

extension RealProcesses {
  @Suite struct DevTests {
    @Test func `one command makes a cluster to try things with`() async throws {
      let report = try await PythonScript("ProcessTests/dev.py").run(timeoutSeconds: 250)
      #expect(
        report.faults(expecting: [
          "one_command_makes_a_cluster", "its_servers_end_when_it_is_killed",
          "what_cannot_be_is_refused",
        ]) == [])
    }
  }
}
