/// Makes a case that fails smaller while it fails: fewer faults first (delta debugging, Zeller and Hildebrandt, 2002), then
/// fewer nodes, then conditions as they usually are, then shorter times between what is left.
package struct Shrinker {
  /// A run takes a part of a second; the rest of a case that does not get small is no use to anybody.
  package var mostRuns = 600
  package private(set) var runs = 0
  private let fails: (Case) -> Bool

  /// `fails`: whether the case still fails as the one that is shrunk did.
  package init(_ fails: @escaping (Case) -> Bool) { self.fails = fails }

  package mutating func shrink(_ first: Case) -> Case {
    var best = fewerNodes(first)
    best = fewerSteps(best)
    best = fewerNodes(best)
    best = usualConditions(best)
    best = shorterTimes(best)
    return fewerSteps(best)
  }

  /// The smaller case where it fails, else the one at hand.
  private mutating func prefer(_ smaller: Case, to best: Case) -> Case {
    guard smaller != best, runs < mostRuns else { return best }
    runs += 1
    return fails(smaller) ? smaller : best
  }

  private mutating func fewerSteps(_ first: Case) -> Case {
    var best = first
    var size = max(1, best.plan.steps.count / 2)
    while runs < mostRuns {
      let count = best.plan.steps.count
      var start = 0
      while start < best.plan.steps.count {
        var smaller = best
        let end = min(start + size, smaller.plan.steps.count)
        smaller.plan.steps.removeSubrange(start..<end)
        best = prefer(smaller, to: best)
        // Where they went, others have come into their place.
        if best != smaller { start += size }
      }
      if size == 1, best.plan.steps.count == count { return best }
      size = max(1, size / 2)
    }
    return best
  }

  private mutating func fewerNodes(_ best: Case) -> Case {
    var smaller = best
    smaller.nodes = min(3, best.nodes)
    return prefer(smaller, to: best)
  }

  private mutating func usualConditions(_ first: Case) -> Case {
    let usual = Plan.Conditions()
    var best = first
    let changes: [(inout Plan.Conditions) -> Void] = [
      { $0 = usual }, { $0.spares = 0 }, { $0.appendBytes = usual.appendBytes },
      { $0.electionTimeout = usual.electionTimeout }, { $0.readers = usual.readers },
      { $0.readers = 0 }, { $0.segmentBytes = usual.segmentBytes },
      { $0.retentionBytes = 0 }, { $0.looksAfter = 0 },
    ]
    for change in changes {
      var smaller = best
      change(&smaller.plan.conditions)
      best = prefer(smaller, to: best)
    }
    return best
  }

  /// Takes time out before each step, so that all that follows comes earlier.
  private mutating func shorterTimes(_ first: Case) -> Case {
    var best = first
    for place in best.plan.steps.indices {
      let before = place == 0 ? Plan.second / 2 : best.plan.steps[place - 1].time
      let wait = best.plan.steps[place].time - min(before, best.plan.steps[place].time)
      for part in [wait, wait / 2] where part > 50_000_000 {
        var smaller = best
        for later in place..<best.plan.steps.count { smaller.plan.steps[later].time -= part }
        let shorter = prefer(smaller, to: best)
        if shorter == smaller {
          best = shorter
          break
        }
      }
    }
    return best
  }
}

extension Simulation.Verdict {
  /// What kind of breach it was, without its numbers: a smaller case fails in the same way, elsewhere.
  package var kind: String? { breach.map { String($0.filter { !$0.isNumber }) } }
}
