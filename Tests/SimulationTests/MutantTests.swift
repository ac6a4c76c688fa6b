import RaftCore
import Simulator
import Testing

/// Rules that are broken on purpose, each under the faults that are made for it; `distlog-sim --mutants` breaks all of
/// them under whatever faults a seed brings.
@Suite struct MutantTests {
  private func verdict(
    _ mutant: RaftMutant?, _ profile: Profile, _ seed: UInt64
  ) -> Simulation.Verdict {
    var options = Simulation.Options(seed: seed)
    options.nodes = seed % 2 == 0 ? 3 : 5
    options.duration = 20_000_000_000
    options.profile = profile
    options.mutant = mutant
    var simulation = Simulation(options)
    return simulation.run()
  }

  @Test(
    arguments: [
      (.acknowledgedBeforeSync, .crash), (.votesForShorterLog, .leader),
      (.oldTermCommittedByCount, .figure8), (.commitsToLogEnd, .leader),
      (.preVotesCountedAsVotes, .elections), (.readsBeforeNoOperation, .reads),
      (.tornNodeVotes, .torn), (.changeBeforeNoOperation, .members),
      (.imageOverNewerLog, .trims), (.imageSwitchedBeforeDurable, .trims),
      (.imageWithoutProducers, .trims), (.imageWithoutMembers, .trims),
      (.entriesInPlaceOfImage, .trims), (.segmentsRemovedWithoutState, .trims),
      (.logStartBeforeCommit, .trims), (.logStartMovesBack, .trims),
    ] as [(RaftMutant, Profile)])
  func `a broken rule is noticed`(_ mutant: RaftMutant, _ profile: Profile) {
    #expect((1...60 as ClosedRange<UInt64>).contains { verdict(mutant, profile, $0).breach != nil })
  }

  @Test func `a plan that fails is made small, and fails as it did`() throws {
    func options(_ seed: UInt64) -> Simulation.Options {
      var options = Simulation.Options(seed: seed)
      options.nodes = 5
      options.duration = 8_000_000_000
      options.profile = .crash
      options.mutant = .acknowledgedBeforeSync
      return options
    }
    let failing = (1...60 as ClosedRange<UInt64>).lazy.map { Case(options($0)) }.first {
      $0.run().breach != nil
    }
    let whole = try #require(failing)
    let kind = whole.run().kind
    #expect(kind != nil)
    var shrinker = Shrinker { $0.run().kind == kind }
    let small = shrinker.shrink(whole)
    #expect(small.plan.steps.count <= 8 && small.plan.steps.count < whole.plan.steps.count)
    #expect(small.run().kind == kind)
    var right = small
    right.mutant = nil
    #expect(right.run().breach == nil, "the rule is what it was about")
  }

  @Test func `a case says all that decides its run`() {
    var options = Simulation.Options(seed: 4)
    options.nodes = 3
    options.duration = 6_000_000_000
    options.profile = .all
    var simulation = Simulation(options)
    #expect(Case(options).run().traceHash == simulation.run().traceHash)
  }
}
