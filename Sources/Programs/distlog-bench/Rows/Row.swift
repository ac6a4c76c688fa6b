/// One line of the result: what was loaded how, what came of it, what it cost and what bounds it.
struct Row: Codable {
  struct Latency: Codable {
    var p50: Double
    var p90: Double
    var p99: Double
    var p999: Double
    var max: Double

    init?(_ histogram: Histogram) {
      guard histogram.count > 0 else { return nil }
      p50 = Double(histogram.quantile(0.5)) / 1000
      p90 = Double(histogram.quantile(0.9)) / 1000
      p99 = Double(histogram.quantile(0.99)) / 1000
      p999 = Double(histogram.quantile(0.999)) / 1000
      max = Double(histogram.maximum) / 1000
    }
  }

  /// Bytes given to the disk at a time, at least, and what a bare loop of the same does.
  struct Groups: Codable {
    var perSecond: Double
    var meanBytes: Double
    var reference: DiskReference
    /// In the log's files.
    var bytesPerRecord: Double
  }

  /// A lower bound that the row must reach, in its own unit or as a share of another row's rate.
  struct Goal: Codable {
    var text: String
    var isReached: Bool
  }

  var name: String
  var records: UInt64
  var seconds: Double
  var recordsPerSecond: Double
  var messagesPerSecond: Double
  var mibPerSecond: Double
  var latencyMicroseconds: Latency?
  var serverMicrosecondsPerRecord: Double
  var clientMicrosecondsPerRecord: Double
  var serverCores: Double
  var clientCores: Double
  /// Of other processes and the kernel's own threads.
  var otherCores: Double
  var serverBusiestThread: Double
  var clientBusiestThread: Double
  var serverResidentMiB: Double
  /// Of all servers together.
  var storedBytesPerRecord: Double
  var groups: Groups?
  var errors: [String: Int]
  /// What was compared, and how that ended.
  var verified: String
  var bound: String = ""
  var goal: Goal?

  init(_ name: String, _ tally: Tally, _ usage: Usage, valueBytes: Int, verified: String) {
    self.name = name
    records = tally.records
    seconds = usage.seconds
    recordsPerSecond = Double(tally.records) / usage.seconds
    messagesPerSecond = Double(tally.messages) / usage.seconds
    mibPerSecond = recordsPerSecond * Double(valueBytes) / 1_048_576
    latencyMicroseconds = Latency(tally.latency)
    let each = 1e6 / Double(max(1, tally.records))
    serverMicrosecondsPerRecord = usage.serverCPU * each
    clientMicrosecondsPerRecord = usage.clientCPU * each
    serverCores = usage.serverCPU / usage.seconds
    clientCores = usage.clientCPU / usage.seconds
    otherCores = usage.otherCPU / usage.seconds
    serverBusiestThread = usage.serverThread
    clientBusiestThread = usage.clientThread
    serverResidentMiB = Double(usage.serverResident) / 1_048_576
    storedBytesPerRecord = Double(usage.storedBytes) / Double(max(1, tally.records))
    errors = tally.errors
    self.verified = verified
  }

  var errorCount: Int { errors.values.reduce(0, +) }
}

extension Row {
  /// Says what the row waits for, from the shares of time measured.
  mutating func deriveBound(cores: Int) {
    var parts: [String] = []
    if serverCores + clientCores + otherCores > 0.9 * Double(cores) {
      let shares = [serverCores, clientCores, otherCores].map { Row.decimal($0, 2) }
      parts.append(
        "CPU: all \(cores) cores are busy (server \(shares[0]), client \(shares[1]), "
          + "others and kernel \(shares[2]))")
    }
    if serverBusiestThread > 0.85 { parts.append("the server's busiest thread") }
    if clientBusiestThread > 0.85 { parts.append("the load generator's thread") }
    if let share = diskShare, share > 0.5 || (parts.isEmpty && share > 0.3) {
      parts.append("write+fdatasync, about \(Int(min(1, share) * 100)) % of the time")
    }
    if parts.isEmpty { parts.append("waiting: wake-ups and round trips between threads") }
    bound = parts.joined(separator: "; ")
  }

  /// The share of the time that the same groups take in the bare loop.
  private var diskShare: Double? {
    groups.map { $0.perSecond * $0.reference.meanMicroseconds / 1e6 }
  }
}
