/// What all runs came to.
struct Total {
  /// Requests to write, in a simulated second, below which a run is not counted.
  static let fewestProduces = 100

  var runs = 0
  var breaches = 0
  /// Runs without faults or acknowledgements, or with too few requests.
  var uncounted = 0
  var events = 0
  var proposed = 0
  var acknowledged = 0
  var changes = 0
  var trims = 0
  var images = 0
  var faults = 0
  var cpuSeconds = 0.0

  mutating func add(_ report: RunReport, seconds: UInt64) {
    runs += 1
    events += report.events
    proposed += report.proposed
    acknowledged += report.acknowledged
    changes += report.changes
    trims += report.trims
    images += report.images
    faults += report.faults
    cpuSeconds += report.cpuSeconds
    if report.breach != nil {
      breaches += 1
    } else if report.faults == 0 || report.acknowledged == 0
      || report.proposed < Self.fewestProduces * Int(seconds)
    {
      uncounted += 1
    }
  }

  func text(took: Duration, seconds: UInt64) -> String {
    let wall = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
    let hours = Double(runs) * Double(seconds) / 3600
    let rate = cpuSeconds > 0 ? Double(events) / cpuSeconds : 0
    return
      "\(runs) runs, \(breaches) with a breach, \(uncounted) not counted; \(acknowledged) of \(proposed) acknowledged, "
      + "\(faults) faults, \(changes) changes of members, \(trims) trims, \(images) images, \(events) events, \(Int(rate)) a second of a core; "
      + "\(rounded(hours)) cluster-hours in \(Int(wall.rounded())) s, "
      + "\(rounded(cpuSeconds / Double(max(1, runs)))) s of a core each"
  }

  private func rounded(_ number: Double) -> String { "\((number * 100).rounded() / 100)" }
}
