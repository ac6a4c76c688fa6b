import TestSupport
import Testing

extension RealProcesses {
  /// Small runs of the measuring scripts, with generous limits: these share the machine with other tests
  /// and measure a debug build. The scripts alone give the figures.
  @Suite struct ConsumerCostTests {
    @Test func `idle consumers use no CPU and get new records at once`() async throws {
      let report = try await PythonScript("ProcessTests/measure_idle.py").run([
        "--seconds", "2", "--records", "20", "--most-cpu", "3", "--most-ms", "250",
      ])
      #expect(report.faults(expecting: ["idle_consumers_cost_nothing"]) == [])
      print(report.output)
    }

    @Test func `consumers that stop reading hold little memory and nobody else`() async throws {
      let report = try await PythonScript("ProcessTests/measure_stalled.py").run([
        "--consumers", "60", "--backlog-mib", "8", "--seconds", "1", "--most-kib", "256",
        "--most-times", "5", "--or-ms", "500",
      ])
      #expect(report.faults(expecting: ["stalled_consumers_are_cheap"]) == [])
      print(report.output)
    }
  }
}
