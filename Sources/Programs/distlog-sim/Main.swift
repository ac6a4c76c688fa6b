import ArgumentParser
import RaftCore
import Simulator

/// Runs clusters that exist only in memory, and looks for what must never happen.
@main struct DistlogSim: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distlog-sim",
    abstract: "Run simulated clusters with faults, seed by seed, and judge every step.",
    discussion: """
      A seed decides everything: the same seed gives the same run, and the same trace hash. Exit code 0: nothing was found \
      (with --mutant and --mutants: everything was); 10: something was, or a mutant lived.
      """)

  @Option(help: "The first seed.") var seed: UInt64 = 1
  @Option(help: "How many seeds.") var seeds: UInt64 = 1
  @Option(help: "Voters: 3 or 5; by the seed when not given.") var nodes: Int?
  @Option(help: "Simulated seconds of each run.") var seconds: UInt64 = 60
  @Option(help: "Which faults: \(Profile.allCases.map(\.rawValue).joined(separator: ", ")).")
  var profile: String?
  @Option(help: "Runs at the same time.") var jobs = 2
  @Option(help: "Break this rule, and stop when it is noticed; see --list-mutants.")
  var mutant: String?
  @Flag(help: "Break each rule in turn; each must be noticed within --seeds runs.")
  var mutants = false
  /// In the process that runs a mutant for another one.
  @Flag(help: .private) var isChild = false
  @Flag(help: "List the rules that can be broken.") var listMutants = false
  @Flag(help: "fdatasync does nothing: must be noticed.") var syncLies = false
  @Option(help: "Print all messages and faults from this simulated second on; one seed only.")
  var traceFrom: Double?

  func validate() throws {
    guard seeds >= 1, jobs >= 1, seconds >= 5 else {
      throw ValidationError("--seeds and --jobs are at least 1, --seconds at least 5")
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

  func run() async throws {
    if listMutants {
      for mutant in RaftMutant.allCases { print(mutant.rawValue) }
    } else if mutants {
      try hunt(RaftMutant.allCases)
    } else if let mutant = mutant.flatMap(RaftMutant.init) {
      // A trace is looked at as it comes.
      if isChild || traceFrom != nil { try await find(mutant) } else { try hunt([mutant]) }
    } else {
      try await search()
    }
  }

  private func options(_ seed: UInt64, _ mutant: RaftMutant? = nil) -> Simulation.Options {
    var options = Simulation.Options(seed: seed)
    options.nodes = nodes ?? (seed % 2 == 0 ? 3 : 5)
    options.duration = seconds * 1_000_000_000
    options.profile = profile.flatMap(Profile.init)
    options.mutant = mutant
    options.syncLies = syncLies
    if let traceFrom {
      options.traceFrom = UInt64(traceFrom * 1_000_000_000)
      options.trace = { print($0) }
    }
    return options
  }

  /// Runs all seeds; tells of each breach.
  private func search() async throws {
    let began = ContinuousClock.now
    var total = Total()
    try await verdicts(mutant: nil) { verdict in
      total.add(verdict)
      if verdict.breach != nil || seeds == 1 { print(verdict) }
      return true
    }
    let took = ContinuousClock.now - began
    print(total.text(took: took, seconds: seconds))
    // What must be found and was is a success.
    guard (total.breaches > 0) == syncLies else { throw ExitCode(10) }
  }

  /// Each mutant must be noticed, by the oracle or by an assertion of the code itself.
  private func hunt(_ mutants: [RaftMutant]) throws {
    var survivors = 0
    for mutant in mutants {
      let child = try ChildRun(arguments(mutant))
      switch child.outcome {
      case .exited(0), .exited(10):
        print(child.lastLine)
        if child.outcome == .exited(10) { survivors += 1 }
      case .signalled(let signal):
        print("\(mutant.rawValue): found by an assertion: \(child.assertion ?? "signal \(signal)")")
      case .exited(let code):
        print("\(mutant.rawValue): the run could not be made, exit code \(code)")
        throw ExitCode(code)
      }
    }
    guard survivors == 0 else { throw ExitCode(10) }
  }

  private func arguments(_ mutant: RaftMutant) -> [String] {
    var all = [
      "--is-child", "--mutant", mutant.rawValue, "--seed", "\(seed)", "--seeds", "\(seeds)",
      "--seconds", "\(seconds)", "--jobs", "\(jobs)",
    ]
    if let nodes { all += ["--nodes", "\(nodes)"] }
    if let profile { all += ["--profile", profile] }
    return all
  }

  private func find(_ mutant: RaftMutant) async throws {
    var found: Simulation.Verdict?
    var runs: UInt64 = 0
    try await verdicts(mutant: mutant) { verdict in
      runs += 1
      if verdict.breach != nil, found == nil { found = verdict }
      return found == nil
    }
    guard let found else {
      print("\(mutant.rawValue): NOT FOUND in \(runs) runs")
      throw ExitCode(10)
    }
    print("\(mutant.rawValue): found in \(runs) runs by seed \(found.seed): \(found.breach ?? "")")
  }

  /// Runs the seeds, some at a time, until `body` returns false.
  private func verdicts(
    mutant: RaftMutant?, _ body: (Simulation.Verdict) -> Bool
  ) async throws {
    await withTaskGroup(of: Simulation.Verdict.self) { group in
      var next = seed
      let end = seed + seeds
      func start() {
        guard next < end else { return }
        let options = options(next, mutant)
        next += 1
        group.addTask {
          var simulation = Simulation(options)
          return simulation.run()
        }
      }
      for _ in 0..<jobs { start() }
      for await verdict in group {
        guard body(verdict) else { break }
        start()
      }
      group.cancelAll()
    }
  }
}

/// What all runs came to.
private struct Total {
  var runs = 0
  var breaches = 0
  var events = 0
  var acknowledged = 0
  var faults = 0
  var idle = 0

  mutating func add(_ verdict: Simulation.Verdict) {
    runs += 1
    events += verdict.events
    acknowledged += verdict.acknowledged
    faults += verdict.faults
    if verdict.breach != nil { breaches += 1 }
    if verdict.faults == 0 || verdict.acknowledged == 0 { idle += 1 }
  }

  func text(took: Duration, seconds: UInt64) -> String {
    let wall = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
    let hours = Double(runs) * Double(seconds) / 3600
    return
      "\(runs) runs, \(breaches) with a breach, \(idle) without faults or acknowledgements; \(acknowledged) acknowledged, "
      + "\(faults) faults, \(events) events, \(Int(Double(events) / wall)) events/s; "
      + "\(Double(Int(hours * 100)) / 100) cluster-hours in \(Int(wall)) s"
  }
}
