import RaftCore
import Simulator
import Testing

/// Short runs of the simulator; `make sim` has the long ones.
@Suite struct SimulationTests {
  private func options(
    _ seed: UInt64, nodes: Int = 3, seconds: UInt64 = 8, _ profile: Profile? = nil
  ) -> Simulation.Options {
    var options = Simulation.Options(seed: seed)
    options.nodes = nodes
    options.duration = seconds * 1_000_000_000
    options.profile = profile
    return options
  }

  private func run(_ options: Simulation.Options) -> Simulation.Verdict {
    var simulation = Simulation(options)
    return simulation.run()
  }

  @Test(arguments: Profile.allCases)
  func `nothing that must not happen happens, whatever fails`(_ profile: Profile) {
    for (seed, nodes) in [(1, 3), (2, 5)] {
      let verdict = run(options(UInt64(seed), nodes: nodes, profile))
      #expect(verdict.breach == nil, "\(verdict)")
      #expect(verdict.acknowledged > 100, "\(verdict)")
      #expect(verdict.faults > 0 || profile == .calm, "\(verdict)")
    }
  }

  /// What they found: reads that kept a leader in office (116, 130, 151), a follower that took what it wrote itself for
  /// acknowledged (175, 195), and a fault of the harness (141). They need a minute of simulated time each; here they run
  /// for a part of it, and whole in `make sim`.
  @Test(arguments: [116, 130, 141, 151, 175, 195] as [UInt64])
  func `seeds that ever failed pass`(_ seed: UInt64) {
    let verdict = run(options(seed, nodes: seed % 2 == 0 ? 3 : 5, seconds: 8))
    #expect(verdict.breach == nil, "\(verdict)")
  }

  @Test func `the same seed gives the same run`() {
    let first = run(options(7, .all))
    for _ in 0..<2 { #expect(run(options(7, .all)).traceHash == first.traceHash) }
    #expect(run(options(8, .all)).traceHash != first.traceHash)
  }

  @Test func `a disk whose syncs do nothing is found`() {
    let found = (1...10 as ClosedRange<UInt64>).contains { seed in
      var options = options(seed, .crash)
      options.syncLies = true
      return run(options).breach != nil
    }
    #expect(found)
  }

  /// Those that are found in seconds; `distlog-sim --mutants` runs all.
  @Test(arguments: [.acknowledgedBeforeSync, .votesForShorterLog] as [RaftMutant])
  func `a broken rule is noticed`(_ mutant: RaftMutant) {
    let found = (1...30 as ClosedRange<UInt64>).contains { seed in
      var options = options(seed, nodes: seed % 2 == 0 ? 3 : 5, seconds: 10)
      options.mutant = mutant
      return run(options).breach != nil
    }
    #expect(found)
  }
}
