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

    @Test(arguments: [
      ["--disk", "model"], ["--disk", "model", "--retention", "1MiB"], ["--disk", "ext4"],
    ])
    func `nothing acknowledged is lost when the power is cut under load`(_ arguments: [String])
      async throws
    {
      try await powerCuts(arguments, expecting: arguments[1])
    }

    @Test func `a power cut between any two calls leaves a log that opens and lost nothing`()
      async throws
    {
      let report = try await PythonScript("ProcessTests/crash_points.py").run([
        "--seed", Self.seed,
      ])
      #expect(report.faults(expecting: ["crash_points"]) == [], "seed \(Self.seed)")
      print(report.output)
    }

    @Test(arguments: ["model", "ext4"])
    func `the power cuts find a disk whose syncs do nothing`(_ disk: String) async throws {
      try await powerCuts(["--disk", disk, "--control"], expecting: "control")
    }

    @Test(arguments: [
      ["--kind", "write"], ["--kind", "write", "--lasting"], ["--kind", "sync"],
      ["--kind", "sync", "--lasting"], ["--kind", "write", "--file", "/meta", "--calls", "1"],
      ["--kind", "names", "--calls", "1-5"], ["--kind", "unlink", "--calls", "1,2"],
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

    @Test func `a disk that fails while a server starts or stops costs nothing and is named`()
      async throws
    {
      let report = try await PythonScript("ProcessTests/errors_at_ends.py").run([
        "--seed", Self.seed,
      ])
      #expect(report.faults(expecting: ["errors_at_ends"]) == [], "seed \(Self.seed)")
      print(report.output)
    }

    @Test func `rule 38: short writes and interrupted calls are no failures and lose nothing`()
      async throws
    {
      let report = try await PythonScript("ProcessTests/interrupted_calls.py").run([
        "--seed", Self.seed,
      ])
      #expect(report.faults(expecting: ["interrupted_calls"]) == [], "seed \(Self.seed)")
      print(report.output)
    }

    @Test(arguments: ["tmpfs", "ext4"])
    func `a full disk refuses writes, serves reads, starts and heals`(_ disk: String) async throws {
      let report = try await PythonScript("ProcessTests/full_disk.py").run(
        ["--disk", disk, "--seed", Self.seed])
      #expect(report.faults(expecting: ["full_disk"]) == [], "seed \(Self.seed)")
      print(report.output)
    }

    @Test(arguments: ["open", "mmap", "fallocate"])
    func `a server without descriptors, mappings or space says so and loses nothing`(
      _ what: String
    ) async throws {
      let report = try await PythonScript("ProcessTests/out_of_resources.py").run(
        ["--what", what, "--seed", Self.seed])
      #expect(report.faults(expecting: ["out_of_resources"]) == [], "seed \(Self.seed)")
      print(report.output)
    }

    @Test func `a folder with a flipped bit is refused, or nothing wrong is served`() async throws {
      let report = try await PythonScript("ProcessTests/damaged_folder.py").run(
        ["--seed", Self.seed])
      #expect(report.faults(expecting: ["damaged_folder"]) == [], "seed \(Self.seed)")
      print(report.output)
    }

    @Test func `a server without descriptors for connections waits and serves the others`()
      async throws
    {
      let report = try await PythonScript("ProcessTests/descriptors.py").run()
      #expect(report.faults(expecting: Self.descriptorChecks) == [])
      print(report.output)
    }

    private static let descriptorChecks = [
      "a_limit_too_low_to_serve_is_refused_with_the_remedy",
      "connections_over_the_limit_are_closed_and_the_others_live",
      "accepting_backs_off_when_there_is_no_descriptor",
    ]
  }
}
