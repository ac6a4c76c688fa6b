package import RaftCore

/// All that decides a run, to be written down and run again: a seed for what is left to chance, and a plan.
package struct Case: Codable, Equatable, Sendable {
  package var seed: UInt64
  /// Voters at the start.
  package var nodes: Int
  /// Simulated nanoseconds.
  package var duration: UInt64
  package var profile: Profile
  package var mutant: RaftMutant?
  package var syncLies: Bool
  package var plan: Plan

  /// The run that `options` describe, with the plan that the seed leads to where they bring none.
  package init(_ options: Simulation.Options) {
    let simulation = Simulation(options)
    seed = options.seed
    nodes = options.nodes
    duration = options.duration
    profile = simulation.verdict.profile
    mutant = options.mutant
    syncLies = options.syncLies
    plan = simulation.plan
  }

  package var options: Simulation.Options {
    var options = Simulation.Options(seed: seed)
    options.nodes = nodes
    options.duration = duration
    options.profile = profile
    options.mutant = mutant
    options.syncLies = syncLies
    options.plan = plan
    return options
  }

  package func run() -> Simulation.Verdict {
    var simulation = Simulation(options)
    return simulation.run()
  }
}

extension RaftMutant: Codable {}
