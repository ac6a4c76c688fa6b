import TestSupport
import Testing

extension RealProcesses {
  /// Three servers and more, real processes.
  @Suite struct ClusterTests {
    @Test func `three servers are one log to their clients and operators`() async throws {
      let report = try await PythonScript("ProcessTests/cluster.py").run(timeoutSeconds: 300)
      #expect(report.faults(expecting: Self.checks) == [])
    }

    @Test func `servers form one cluster, and never two`() async throws {
      let report = try await PythonScript("ProcessTests/cluster_forming.py").run(
        timeoutSeconds: 260)
      #expect(report.faults(expecting: Self.forming) == [])
    }

    /// DISTLOG_KILL_ROUNDS sets how often, DISTLOG_KILL_SEED the seed.
    @Test func `nothing acknowledged is lost when servers of a cluster are killed`() async throws {
      let rounds = max(1, Int(Programs.environment("DISTLOG_KILL_ROUNDS") ?? "") ?? 4)
      let seed = Programs.environment("DISTLOG_KILL_SEED") ?? "1"
      let report = try await PythonScript("ProcessTests/cluster_kills.py").run(
        ["--rounds", "\(rounds)", "--seed", seed], timeoutSeconds: 140 + 10 * Double(rounds))
      let expected = (1...rounds).map { "round \($0)" } + ["all_rounds"]
      #expect(report.faults(expecting: expected) == [], "seed \(seed)")
    }

    /// The runs of an issue are longer: `cluster_long.py steady`, ten minutes and 5 GiB; `replace`, a million records.
    /// There the servers have their own election timeout; here a longer one, as whoever else uses the machine may take 400 ms
    /// from a leader.
    @Test(arguments: [
      ["steady", "--minutes", "0.3", "--cold-gib", "0.2"], ["replace", "--records", "200000"],
    ])
    func `load, scans and new servers move no leader`(_ words: [String]) async throws {
      let report = try await PythonScript("ProcessTests/cluster_long.py").run(
        ["--calm"] + words, timeoutSeconds: 240)
      #expect(report.faults(expecting: [words[0]]) == [])
      print(report.output)
    }

    @Test(arguments: ["stop", "slow"])
    func `nothing is lost when servers stand still, or their disks do`(_ kind: String) async throws
    {
      let report = try await PythonScript("ProcessTests/cluster_kills.py").run(
        ["--rounds", "4", "--seed", "2", "--kind", kind], timeoutSeconds: 180)
      #expect(report.faults(expecting: (1...4).map { "round \($0)" } + ["all_rounds"]) == [])
      print(report.output)
    }

    @Test func `whatever part of the network is cut, a majority that can talk goes on`()
      async throws
    {
      let report = try await PythonScript("ProcessTests/cluster_partitions.py").run(
        timeoutSeconds: 270)
      // Where there are no namespaces it says that it tried nothing.
      let isTried = !report.output.contains("NOT TRIED")
      let expected = (isTried ? (1...7).map { "round \($0)" } : []) + ["all_rounds"]
      #expect(report.faults(expecting: expected) == [])
      print(report.output)
    }

    @Test(arguments: ["sync", "write"])
    func `a leader whose disk fails leads no more, and the others go on`(_ kind: String)
      async throws
    {
      let report = try await PythonScript("ProcessTests/cluster_disk_errors.py").run(
        ["--kind", kind, "--calls", "1-3"], timeoutSeconds: 130)
      #expect(report.faults(expecting: ["cluster_disk_errors"]) == [])
      print(report.output)
    }

    @Test func `damage on one server is mended with what the others have`() async throws {
      let report = try await PythonScript("ProcessTests/cluster_damage.py").run(
        ["--runs", "5", "--seed", "3"], timeoutSeconds: 270)
      #expect(report.faults(expecting: (1...5).map { "run \($0)" } + ["all_runs"]) == [])
      print(report.output)
    }

    @Test func `a power cut under all servers loses nothing that was acknowledged`() async throws {
      let report = try await PythonScript("ProcessTests/cluster_power_cuts.py").run(
        ["--cuts", "3"], timeoutSeconds: 210)
      let expected = (1...3).map { "cut \($0)" } + ["all_cuts"]
      #expect(report.faults(expecting: expected) == [])
    }

    @Test func `full disks of a cluster refuse records, and take them when there is room`()
      async throws
    {
      let report = try await PythonScript("ProcessTests/cluster_full_disks.py").run(
        timeoutSeconds: 280)
      // Where there are no mounts of our own it says that it tried nothing.
      let isTried = !report.output.contains("NOT TRIED")
      let expected = (isTried ? (1...3).map { "fill \($0)" } : []) + ["cluster_full_disks"]
      #expect(report.faults(expecting: expected) == [])
      print(report.output)
    }

    private static let forming = [
      "six_servers_that_expect_three_form_one_cluster",
      "kills_while_it_forms_never_make_two",
      "two_servers_of_one_name_form_nothing",
      "a_client_is_told_that_there_is_no_cluster_yet",
      "one_server_is_recovered_when_the_majority_is_lost",
      "a_single_node_grows_into_a_cluster",
      "a_folder_of_the_version_before_becomes_a_cluster",
    ]

    private static let checks = [
      "three_servers_agree_on_who_they_are",
      "followers_refuse_writes_and_serve_reads",
      "a_request_of_four_mib_reaches_all",
      "what_a_producer_may_not_do_is_refused",
      "duplicates_are_known_to_the_next_leader",
      "any_two_go_on_and_the_third_catches_up",
      "every_server_tells_how_all_stand",
      "sigterm_hands_leadership_over_and_changes_no_members",
      "what_is_kept_is_set_for_all",
      "a_server_joins_a_log_that_has_lost_its_front",
      "leadership_goes_where_it_is_sent",
      "transfers_at_once_all_end_and_sigterm_still_stops",
      "a_leader_is_removed_and_the_removed_know_it",
      "a_server_is_replaced_under_load",
      "a_wiped_disk_is_another_server",
      "the_last_majority_is_not_removed",
    ]
  }
}
