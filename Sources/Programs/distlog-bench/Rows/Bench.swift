internal import Glibc
internal import GRPCWire
internal import LogAPI
internal import NIOCore
internal import NIOPosix
internal import RPC
internal import TLS

/// Where a server of the measurement is, and which process it is.
struct Target: Sendable {
  var host: String
  var port: Int
  /// All that serve: of a cluster the leader is the first.
  var processes: [Int32]
}

/// A load on one connection, as an async function sees it.
struct RunningLoad: Sendable {
  let channel: RPCChannel
  private let bound: NIOLoopBound<any Load>

  init(_ channel: RPCChannel, _ make: @escaping @Sendable (RPCChannel) -> any Load) async throws {
    self.channel = channel
    bound = try await channel.eventLoop.submit {
      NIOLoopBound(make(channel), eventLoop: channel.eventLoop)
    }.get()
  }

  func start() async throws {
    try await channel.eventLoop.submit { bound.value.start() }.get()
  }

  func beginMeasuring() async throws {
    try await channel.eventLoop.submit { bound.value.tally.beginMeasuring() }.get()
  }

  func tally() async throws -> Tally {
    try await channel.eventLoop.submit { UncheckedBox(bound.value.tally) }.get().value
  }

  /// Ends when everything sent is answered.
  func stop() async throws {
    let done = channel.eventLoop.makePromise(of: Void.self)
    channel.eventLoop.execute { bound.value.stop { done.succeed() } }
    try await done.futureResult.get()
  }
}

/// A value that is handed over and not used by two threads at a time.
struct UncheckedBox<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}

/// Runs loads against one server, measures them and verifies what they wrote.
struct Bench: Sendable {
  var server: Target
  var echo: Target
  var tls: TLSContext
  var loops: MultiThreadedEventLoopGroup
  var folder: String
  /// Of the measured part of one row.
  var seconds: Double
  var warmUp: Double

  func channel(to target: Target) -> RPCChannel {
    let configuration = RPCChannelConfiguration(
      host: target.host, port: target.port, serverName: "localhost", tls: tls)
    return RPCChannel(configuration, on: loops.next())
  }

  /// What came of a load that ran for a fixed time.
  struct Outcome {
    /// Of the measured part; pairs and offsets of everything.
    var tally: Tally
    var usage: Usage
  }

  /// Starts one load on each of `connections` channels, and measures after the warm-up.
  func run(
    on target: Target, connections: Int,
    _ make: @escaping @Sendable (_ connection: Int, RPCChannel) -> any Load
  ) async throws -> Outcome {
    var loads: [RunningLoad] = []
    for index in 0..<connections {
      let channel = channel(to: target)
      try await channel.connect()
      loads.append(try await RunningLoad(channel) { make(index, $0) })
    }
    for load in loads { try await load.start() }
    try await Task.sleep(for: .seconds(warmUp))
    for load in loads { try await load.beginMeasuring() }
    let stopwatch = Stopwatch(server: target.processes)
    try await Task.sleep(for: .seconds(seconds))
    var measured = Tally()
    for load in loads { measured.add(try await load.tally()) }
    let usage = stopwatch.usage()
    var whole = Tally()
    for load in loads {
      try await load.stop()
      whole.add(try await load.tally())
      await load.channel.close()
    }
    whole.records = measured.records
    whole.messages = measured.messages
    whole.latency = measured.latency
    return Outcome(tally: whole, usage: usage)
  }

  /// Reads `request`'s range once, from beginning to end.
  func consume(_ request: ConsumeLoad.Request, _ bytes: RecordBytes) async throws -> Outcome {
    let channel = channel(to: server)
    try await channel.connect()
    let load = try await RunningLoad(channel) {
      ConsumeLoad(
        $0, path: LogMethod.consumeStream.rawValue, request: request, bytes: bytes)
    }
    let stopwatch = Stopwatch(server: server.processes)
    try await load.start()
    try await load.stop()
    let usage = stopwatch.usage()
    let tally = try await load.tally()
    await channel.close()
    return Outcome(tally: tally, usage: usage)
  }

  /// Compares what was acknowledged with what the log holds at these offsets; adds to the errors.
  func verify(_ outcome: inout Outcome, _ bytes: RecordBytes) async throws -> String {
    let offsets = outcome.tally.offsets
    guard offsets.count == Int(outcome.tally.pairs.count) else {
      outcome.tally.failed("\(outcome.tally.pairs.count) acknowledged in \(offsets.count) offsets")
      return "failed"
    }
    let found = try await consume(.init(offsets: offsets, maxRecords: 10_000), bytes)
    outcome.tally.errors.merge(found.tally.errors, uniquingKeysWith: +)
    guard found.tally.pairs == outcome.tally.pairs else {
      outcome.tally.failed("the log holds \(found.tally.pairs.count) other pairs")
      return "failed"
    }
    return "\(offsets.count) acknowledged = \(found.tally.pairs.count) in the log, sums equal"
  }
}

/// Readings at the start of a measured part.
struct Stopwatch {
  private let serverMeter: ProcessMeter
  private let clientMeter = ProcessMeter(processes: [getpid()])
  private let server: ProcessMeter.Reading
  private let client: ProcessMeter.Reading
  private let began: UInt64

  init(server processes: [Int32]) {
    serverMeter = ProcessMeter(processes: processes)
    server = serverMeter.read()
    client = clientMeter.read()
    began = monotonicNow()
  }

  func usage() -> Usage {
    let nanoseconds = monotonicNow() - began
    return Usage(
      nanoseconds: nanoseconds, server: (server, serverMeter.read()),
      client: (client, clientMeter.read()))
  }
}
