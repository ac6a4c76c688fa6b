import TestSupport
import Testing

extension RealProcesses {
  /// A disk that loses, fails or delays under a real server: Tests/Faults. DISTLOG_POWER_CUTS sets how often the power
  /// goes, DISTLOG_FAULT_CALLS which calls fail (such as 1-200), DISTLOG_FAULT_SEED the seed.
  @Suite struct DiskFaultTests {
    private static let seed = Programs.environment("DISTLOG_FAULT_SEED") ?? "1"

    private func powerCuts(_ arguments: [String], expecting name: String) async throws {
      let cuts = max(1, Int(Programs.environment("DISTLOG_POWER_CUTS") ?? "") ?? 4)
      let report = try await PythonScript("ProcessTests/power_cuts.py").run(
        ["--cuts", "\(cuts)", "--seed", Self.seed] + arguments,
        timeoutSeconds: 90 + 10 * Double(cuts))
      #expect(report.faults(expecting: [name]) == [], "seed \(Self.seed)")
      print(report.output)
    }

    @Test(arguments: ["model", "ext4"])
    func `nothing acknowledged is lost when the power is cut under load`(_ disk: String)
      async throws
    {
      try await powerCuts(["--disk", disk], expecting: disk)
    }

    @Test(arguments: ["model", "ext4"])
    func `the power cuts find a disk whose syncs do nothing`(_ disk: String) async throws {
      try await powerCuts(["--disk", disk, "--control"], expecting: "control")
    }

    @Test(arguments: [
      ["--kind", "write"], ["--kind", "write", "--lasting"], ["--kind", "sync"],
      ["--kind", "sync", "--lasting"], ["--kind", "write", "--file", "/meta", "--calls", "1"],
      ["--kind", "names", "--calls", "1-5"],
    ])
    func `a call that fails with EIO ends all writing at once and loses nothing`(
      _ arguments: [String]
    ) async throws {
      let calls = Programs.environment("DISTLOG_FAULT_CALLS") ?? "1,2,40"
      let given = arguments.contains("--calls") ? [] : ["--calls", calls]
      let report = try await PythonScript("ProcessTests/disk_errors.py").run(
        ["--seed", Self.seed] + arguments + given, timeoutSeconds: 3600)
      #expect(report.faults(expecting: ["disk_errors"]) == [], "seed \(Self.seed)")
      print(report.output)
    }
  }
}
