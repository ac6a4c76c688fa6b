import ArgumentParser
import Dispatch
import RaftCore
import Synchronization

extension DistlogSim {
  /// How a broken rule was noticed.
  private struct Find {
    var runs: UInt64
    var report: RunReport
  }

  private struct HuntState {
    var next = 0
    var survivors = 0
    var only: RunReport?
    var error: (any Error)?
  }

  /// Each mutant must be noticed, by the oracle or by an assertion of the code itself; a table of what noticed it.
  func hunt(_ mutants: [RaftMutant]) throws {
    say(row("rule that is broken", "runs", "seed", "what is noticed"))
    let state = Mutex(HuntState())
    DispatchQueue.concurrentPerform(iterations: min(jobs, mutants.count)) { _ in
      while let mutant = take(mutants, state) {
        do {
          let found = try find(mutant)
          state.withLock { state in
            // One alone is being looked at: its plan is wanted, and small.
            if mutants.count == 1 { state.only = found?.report }
            if found == nil { state.survivors += 1 }
            let what = found?.report.breach ?? "NOT FOUND"
            say(
              row(
                mutant.rawValue, "\(found?.runs ?? seeds)",
                found.map { "\($0.report.seed)" } ?? "-", what)
            )
          }
        } catch {
          state.withLock { $0.error = error }
        }
      }
    }
    let done = state.withLock { $0 }
    if let error = done.error { throw error }
    if let report = done.only, shrink {
      var breaking = self
      breaking.mutant = mutants[0].rawValue
      try breaking.makeSmall(report)
    }
    say("\(mutants.count - done.survivors) of \(mutants.count) found")
    guard done.survivors == 0 else { throw ExitCode(10) }
  }

  private func take(_ mutants: [RaftMutant], _ state: borrowing Mutex<HuntState>) -> RaftMutant? {
    state.withLock { state in
      guard state.next < mutants.count, state.error == nil else { return nil }
      state.next += 1
      return mutants[state.next - 1]
    }
  }

  /// Seed after seed until one shows it.
  private func find(_ mutant: RaftMutant) throws -> Find? {
    var breaking = self
    breaking.mutant = mutant.rawValue
    let child = try ChildRun(
      breaking.arguments + ["--seed", "\(seed)", "--seeds", "\(seeds)"])
    var running: UInt64?
    for report in child.reports {
      switch report {
      case .began(let seed): running = seed
      case .ended(let report):
        if report.breach != nil {
          return Find(runs: report.seed - seed + 1, report: report)
        }
        running = nil
      }
    }
    guard let death = child.death else { return nil }
    guard let running else { throw SimulationFailure(why: death) }
    return Find(runs: running - seed + 1, report: RunReport(seed: running, died: death))
  }

  private func row(_ name: String, _ runs: String, _ seed: String, _ what: String) -> String {
    func wide(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count))
    }
    return "\(wide(name, 30))\(wide(runs, 6))\(wide(seed, 7))\(what)"
  }
}
