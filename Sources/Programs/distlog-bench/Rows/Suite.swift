/// All rows of one node, in an order in which each leaves what the next one needs.
struct Suite: Sendable {
  let bench: Bench
  let cores: Int
  /// Several servers: other marks.
  let isCluster: Bool
  /// The most records that one consume row reads.
  private let mostConsumed: UInt64 = 8_000_000
  /// Told of each row as soon as it is there.
  let progress: @Sendable (Row) -> Void

  private static let deep = 8 * 4096

  func run() async throws -> [Row] {
    let echoStream = try await bench.echo(Self.echoStream)
    let echoUnary = try await bench.echo(Self.echoUnary)
    var rows: [Row] = []
    func add(_ row: Row) {
      var row = row
      row.deriveBound(cores: cores)
      rows.append(row)
      progress(row)
    }
    add(echoStream)
    add(echoUnary)

    // First, so that the log begins with records of one size for the consumers.
    let (eight, outcome) = try await bench.produce(Self.firstProducer)
    add(
      isCluster
        ? eight.with(goal: 300_000) : eight.with(goal: 1_000_000, or: 25, percentOf: echoStream))
    let written = outcome.tally.offsets
    try await consume(written.lowerBound..<min(written.upperBound, mostConsumed), add)
    for load in Self.otherProducers {
      let row = try await bench.produce(load).row
      let isGoal = !load.isStream && load.inFlight == 256
      guard isGoal else {
        add(row)
        continue
      }
      add(
        isCluster
          ? row.with(goal: 60_000) : row.with(goal: 200_000, or: 40, percentOf: echoUnary))
    }
    let last = try await bench.produce(Self.lastProducer)
    add(last.row)
    for row in try await bench.tail(from: last.outcome.tally.offsets.upperBound) { add(row) }
    return rows
  }

  /// Only the echoes and producers whose name contains `part`, without the others' context.
  func run(only part: String) async throws -> [Row] {
    var rows: [Row] = []
    for load in [Self.echoStream, Self.echoUnary] where load.name.contains(part) {
      rows.append(try await bench.echo(load))
      rows.forEach(progress)
    }
    for load in [Self.firstProducer] + Self.otherProducers + [Self.lastProducer]
    where load.name.contains(part) {
      var row = try await bench.produce(load).row
      row.deriveBound(cores: cores)
      rows.append(row)
      progress(row)
    }
    return rows
  }

  private static let echoStream = Bench.ProduceLoad(
    name: "echo: stream, 128 B, 8 connections", isStream: true, connections: 8, inFlight: deep)
  private static let echoUnary = Bench.ProduceLoad(
    name: "echo: unary, 128 B, 256 in flight", isStream: false, connections: 8, inFlight: 256)
  private static let firstProducer = Bench.ProduceLoad(
    name: "pipelined produce, 128 B, 8 connections", isStream: true, connections: 8,
    inFlight: deep)
  private static let lastProducer = Bench.ProduceLoad(
    name: "produce, 128 B, 1 in flight", isStream: false, connections: 1, inFlight: 1)

  private static let otherProducers: [Bench.ProduceLoad] = [
    .init(
      name: "pipelined produce, 128 B, 1 connection", isStream: true, connections: 1,
      inFlight: deep),
    .init(
      name: "pipelined produce, 1 KiB, 8 connections", isStream: true, connections: 8,
      inFlight: deep, valueBytes: 1024),
    .init(
      name: "pipelined produce, 128 B x 100 a request, 8 connections", isStream: true,
      connections: 8, inFlight: 8 * 64, recordsPerRequest: 100),
    .init(name: "produce, 128 B, 256 in flight", isStream: false, connections: 8, inFlight: 256),
    .init(name: "produce, 128 B, 64 in flight", isStream: false, connections: 8, inFlight: 64),
    .init(name: "produce, 128 B, 16 in flight", isStream: false, connections: 4, inFlight: 16),
  ]

  private func consume(_ offsets: Range<UInt64>, _ add: (Row) -> Void) async throws {
    let bytes = RecordBytes(valueBytes: 128)
    let batches = try await bench.consume(.init(offsets: offsets, maxRecords: 10_000), bytes)
    let row = Row(
      "consume, batches, one stream", batches.tally, batches.usage, valueBytes: 128,
      verified: "\(batches.tally.pairs.count) of \(offsets.count), in order, every byte")
    add(row.with(goal: 2_500_000))
    let half = offsets.lowerBound..<(offsets.lowerBound + UInt64(offsets.count) / 2)
    let single = try await bench.consume(.init(offsets: half, maxRecords: 0), bytes)
    add(
      Row(
        "consume, one record a message, one stream", single.tally, single.usage, valueBytes: 128,
        verified: "\(single.tally.pairs.count) of \(half.count), in order, every byte"))
  }
}

extension Row {
  func with(goal: Double) -> Row {
    var row = self
    row.goal = Goal(text: "\(Self.number(goal))/s", isReached: recordsPerSecond >= goal)
    return row
  }

  /// Either suffices.
  func with(goal: Double, or percent: Double, percentOf other: Row) -> Row {
    let share = 100 * recordsPerSecond / max(1, other.recordsPerSecond)
    var row = self
    row.goal = Goal(
      text: "\(Self.number(goal))/s or \(Int(percent)) % of the echo (has \(Int(share)) %)",
      isReached: recordsPerSecond >= goal || share >= percent)
    return row
  }

  /// Digits in groups of three.
  static func number(_ value: Double) -> String {
    var digits = Array(String(Int(value.rounded())))
    var place = digits.count - 3
    while place > 0 {
      digits.insert(",", at: place)
      place -= 3
    }
    return String(digits)
  }
}
