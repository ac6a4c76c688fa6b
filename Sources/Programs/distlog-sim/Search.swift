import ArgumentParser
import Dispatch
import Foundation
import RaftCore
import Simulator
import Synchronization

extension DistlogSim {
  /// Seeds that one process runs, one after the other.
  private static let chunk: UInt64 = 20
  /// Each costs some hundred runs.
  private static let mostShrunk = 3

  private struct Progress {
    var next: UInt64
    var total = Total()
    var failed: [RunReport] = []
    var error: (any Error)?
  }

  /// Runs all seeds; tells of each breach, and makes the plans of the first ones small.
  func search() throws {
    let began = ContinuousClock.now
    let progress = Mutex(Progress(next: seed))
    DispatchQueue.concurrentPerform(iterations: jobs) { _ in
      while let chunk = takeChunk(progress) {
        do {
          try run(chunk) { report in
            progress.withLock { progress in
              progress.total.add(report, seconds: seconds)
              if report.breach != nil { progress.failed.append(report) }
              if report.breach != nil || seeds == 1 { say(report.text) }
            }
          }
        } catch {
          progress.withLock { $0.error = error }
        }
      }
    }
    let done = progress.withLock { $0 }
    if let error = done.error { throw error }
    say(done.total.text(took: ContinuousClock.now - began, seconds: seconds))
    if shrink, !syncLies {
      for report in done.failed.prefix(DistlogSim.mostShrunk) { try makeSmall(report) }
    }
    // What must be found and was is a success.
    guard (done.total.breaches > 0) == syncLies else { throw ExitCode(10) }
    guard done.total.uncounted == 0 || profile == "calm" || syncLies else { throw ExitCode(10) }
  }

  private func takeChunk(_ progress: borrowing Mutex<Progress>) -> Range<UInt64>? {
    progress.withLock { progress in
      let end = seed + seeds
      guard progress.next < end, progress.error == nil else { return nil }
      let first = progress.next
      progress.next = min(end, first + DistlogSim.chunk)
      return first..<progress.next
    }
  }

  /// Runs seeds in a process; where that ends before them, in another one behind the seed that ended it.
  func run(_ seeds: Range<UInt64>, _ tell: (RunReport) -> Void) throws {
    var first = seeds.lowerBound
    while first < seeds.upperBound {
      let child = try ChildRun(
        arguments + ["--seed", "\(first)", "--seeds", "\(seeds.upperBound - first)"])
      var running: UInt64?
      for report in child.reports {
        switch report {
        case .began(let seed): running = seed
        case .ended(let report):
          tell(report)
          running = nil
        }
      }
      guard let death = child.death else { return }
      guard let running else { throw SimulationFailure(why: death) }
      tell(RunReport(seed: running, died: death))
      first = running + 1
    }
  }

  /// Shrinks the plan of a run that failed, and says where it is.
  func makeSmall(_ report: RunReport) throws {
    let path = "\(plans)/\(mutant ?? "seed")-\(report.seed).json"
    var shrinker = Shrinker { smaller in
      let found = try? outcome(of: smaller)
      return found?.kind == report.kind
    }
    let whole = Case(options(report.seed))
    let small = shrinker.shrink(whole)
    try PlanFile.write(small, to: path)
    say(
      "seed \(report.seed): \(whole.plan.steps.count) faults shrunk to \(small.plan.steps.count) in "
        + "\(shrinker.runs) runs, \(small.nodes) nodes; again: distlog-sim --plan \(path)")
    for step in small.plan.steps { say("  \(step)") }
  }

  /// In a process of its own, which may die of it.
  private func outcome(of case: Case) throws -> RunReport {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "distlog-sim-\(UUID().uuidString).json").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try PlanFile.write(`case`, to: path)
    let child = try ChildRun(["--plan", path])
    if let death = child.death { return RunReport(seed: `case`.seed, died: death) }
    guard case .ended(let report)? = child.reports.last else {
      throw SimulationFailure(why: "a run said nothing")
    }
    return report
  }

  /// The same seed again and again: the trace hash must be the same each time, though hashes differ from process to process.
  func compare() throws {
    var hashes: [UInt64: Int] = [:]
    for _ in 0..<`repeat` {
      try run(seed..<seed + 1) { report in
        if hashes.isEmpty { say(report.text) }
        hashes[report.traceHash, default: 0] += 1
      }
    }
    let text = hashes.sorted { $0.key < $1.key }.map {
      "\(String($0.key, radix: 16)) \($0.value) times"
    }
    say("\(`repeat`) runs of seed \(seed): trace \(text.joined(separator: ", "))")
    guard hashes.count == 1 else { throw ExitCode(10) }
  }
}

/// The program could not do what it was asked for.
struct SimulationFailure: Error, CustomStringConvertible {
  let why: String

  var description: String { why }
}

extension RunReport {
  /// Of a run that ended its process.
  init(seed: UInt64, died why: String) {
    self.init(
      seed: seed, text: "seed \(seed): BREACH: \(why)", breach: why, kind: "assertion",
      traceHash: 0, events: 0, faults: 0, proposed: 0, acknowledged: 0, changes: 0, trims: 0,
      images: 0, cpuSeconds: 0)
  }
}
