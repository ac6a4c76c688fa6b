import ArgumentParser
import Foundation
import RaftCore
import Simulator

/// Runs clusters that exist only in memory, and looks for what must never happen.
@main struct DistlogSim: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distlog-sim",
    abstract: "Run simulated clusters with faults, seed by seed, and judge every step.",
    discussion: """
      A seed decides everything: the same seed gives the same run, and the same trace hash. Exit code 0: nothing was found \
      (with --mutant and --mutants: everything was); 10: something was, or a mutant lived.
      """)

  @Option(help: "The first seed.") var seed: UInt64 = 1
  @Option(help: "How many seeds.") var seeds: UInt64 = 1
  @Option(help: "Voters at the start: 3 or 5; by the seed when not given.") var nodes: Int?
  @Option(help: "Simulated seconds of each run.") var seconds: UInt64 = 60
  @Option(help: "Which faults: \(Profile.allCases.map(\.rawValue).joined(separator: ", ")).")
  var profile: String?
  @Option(help: "Processes at the same time.") var jobs = 2
  @Option(help: "Break this rule, and stop when it is noticed; see --list-mutants.")
  var mutant: String?
  @Flag(help: "Break each rule in turn; each must be noticed within --seeds runs.")
  var mutants = false
  /// In a process that runs for another one.
  @Flag(help: .private) var isChild = false
  @Flag(help: "List the rules that can be broken.") var listMutants = false
  @Flag(help: "fdatasync does nothing: must be noticed.") var syncLies = false
  @Option(help: "Print all messages and faults from this simulated second on; one seed only.")
  var traceFrom: Double?
  @Option(help: "Run the plan in this file, once, in place of seeds.") var plan: String?
  @Flag(
    inversion: .prefixedNo, help: "Make the plans of runs that fail small, and write them to files."
  )
  var shrink = true
  @Option(help: "The folder for these files.") var plans = ".build/plans"
  @Option(help: "Run the seed so often, each in a process of its own; all must be the same.")
  var `repeat` = 1

  func validate() throws {
    guard seeds >= 1, jobs >= 1, seconds >= 5, `repeat` >= 1 else {
      throw ValidationError(
        "--seeds, --jobs and --repeat are at least 1, --seconds at least 5")
    }
    guard nodes == nil || nodes == 3 || nodes == 5 else {
      throw ValidationError("--nodes is 3 or 5")
    }
    if let profile, Profile(rawValue: profile) == nil {
      throw ValidationError("there is no profile \(profile)")
    }
    if let mutant, RaftMutant(rawValue: mutant) == nil {
      throw ValidationError("there is no mutant \(mutant); --list-mutants lists them")
    }
  }

  func run() throws {
    if listMutants {
      for mutant in RaftMutant.allCases { say(mutant.rawValue) }
    } else if isChild {
      try runAsChild()
    } else if let plan {
      try replay(plan)
    } else if mutants {
      try hunt(RaftMutant.allCases)
    } else if traceFrom != nil {
      // A trace is looked at as it comes.
      say("\(Case(options(seed)).run(tracing: options(seed)))")
    } else if let mutant = mutant.flatMap(RaftMutant.init) {
      try hunt([mutant])
    } else if `repeat` > 1 {
      try compare()
    } else {
      try search()
    }
  }

  func options(_ seed: UInt64) -> Simulation.Options {
    var options = Simulation.Options(seed: seed)
    options.nodes = nodes ?? (seed % 2 == 0 ? 3 : 5)
    options.duration = seconds * 1_000_000_000
    options.profile = profile.flatMap(Profile.init)
    options.mutant = mutant.flatMap(RaftMutant.init)
    options.syncLies = syncLies
    if let traceFrom {
      options.traceFrom = UInt64(traceFrom * 1_000_000_000)
      options.trace = { say($0) }
    }
    return options
  }

  /// What makes a child run as this process would.
  var arguments: [String] {
    var all = ["--seconds", "\(seconds)"]
    if let nodes { all += ["--nodes", "\(nodes)"] }
    if let profile { all += ["--profile", profile] }
    if let mutant { all += ["--mutant", mutant] }
    if syncLies { all.append("--sync-lies") }
    return all
  }

  /// Seed after seed, until one of a mutant is found.
  private func runAsChild() throws {
    if let plan {
      return try ChildReport.ended(report(try PlanFile.read(plan).options)).print()
    }
    for seed in seed..<seed + seeds {
      try ChildReport.began(seed: seed).print()
      let report = report(options(seed))
      try ChildReport.ended(report).print()
      if report.breach != nil, mutant != nil { return }
    }
  }

  private func report(_ options: Simulation.Options) -> RunReport {
    let before = CPUClock.seconds
    var simulation = Simulation(options)
    let verdict = simulation.run()
    return RunReport(
      seed: options.seed, text: verdict.description, breach: verdict.breach, kind: verdict.kind,
      traceHash: verdict.traceHash, events: verdict.events, faults: verdict.faults,
      proposed: verdict.proposed, acknowledged: verdict.acknowledged, changes: verdict.changes,
      trims: verdict.trims, images: verdict.images,
      cpuSeconds: CPUClock.seconds - before)
  }

  private func replay(_ path: String) throws {
    let verdict = try PlanFile.read(path).run(tracing: options(seed))
    say("\(verdict)")
    if verdict.breach != nil { throw ExitCode(10) }
  }
}

extension Case {
  /// The run, told of as `options` say.
  func run(tracing options: Simulation.Options) -> Simulation.Verdict {
    var own = self.options
    own.trace = options.trace
    own.traceFrom = options.traceFrom
    var simulation = Simulation(own)
    return simulation.run()
  }
}
