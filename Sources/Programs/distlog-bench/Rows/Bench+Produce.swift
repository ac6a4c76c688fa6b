internal import LogAPI
internal import Protobuf
internal import RPC

extension Bench {
  /// How a row of producers loads the server.
  struct ProduceLoad: Sendable {
    var name: String
    var isStream: Bool
    var connections: Int
    /// Requests in flight on all connections together.
    var inFlight: Int
    var valueBytes = 128
    var recordsPerRequest = 1
  }

  func produce(_ load: ProduceLoad) async throws -> (row: Row, outcome: Outcome) {
    let bytes = RecordBytes(
      valueBytes: load.valueBytes, recordsPerRequest: load.recordsPerRequest)
    let before = try await size()
    var outcome = try await run(
      load, bytes, on: server, answers: .produce,
      path: (load.isStream ? LogMethod.produceStream : LogMethod.produce).rawValue)
    let after = try await size()
    let verified = try await verify(&outcome, bytes)
    var row = Row(
      load.name, outcome.tally, outcome.usage, valueBytes: load.valueBytes, verified: verified)
    row.groups = try groups(outcome, before, after)
    return (row, outcome)
  }

  /// The same load on the echo server: what the engine alone does.
  func echo(_ load: ProduceLoad) async throws -> Row {
    let bytes = RecordBytes(valueBytes: load.valueBytes)
    let outcome = try await run(
      load, bytes, on: echo, answers: .echo,
      path: load.isStream ? EchoService.streamPath : EchoService.unaryPath)
    return Row(
      load.name, outcome.tally, outcome.usage, valueBytes: load.valueBytes,
      verified: "each answer equals its request")
  }

  private func run(
    _ load: ProduceLoad, _ bytes: RecordBytes, on target: Target, answers: AnswerKind, path: String
  ) async throws -> Outcome {
    let each = load.inFlight / load.connections
    return try await run(on: target, connections: load.connections) { index, channel in
      let first = UInt64(index) << 40
      return load.isStream
        ? StreamLoad(
          channel, path: path, answers: answers, bytes: bytes, inFlight: each, firstNumber: first)
        : UnaryLoad(
          channel, path: path, answers: answers, bytes: bytes, inFlight: each, firstNumber: first)
    }
  }

  /// What the log holds.
  private struct Size {
    var bytes: UInt64
    var frames: UInt64
  }

  private func size() async throws -> Size {
    let channel = channel(to: server)
    let log = try await channel.unary(LogMethod.describeLog.rawValue, [])
    let servers = try await channel.unary(LogMethod.getServers.rawValue, [])
    await channel.close()
    let frames = try GetServersResponse(serialized: servers).servers.first?.appliedIndex ?? 0
    return Size(bytes: try LogInfo(serialized: log).bytes, frames: frames)
  }

  /// The groups that the server wrote, and the bare loop of groups of that size.
  ///
  /// A group is at least a frame, and at least one write call of the disk thread, which makes others
  /// too when it wakes an event loop: the larger mean of both is the closest that can be said.
  private func groups(_ outcome: Outcome, _ before: Size, _ after: Size) throws -> Row.Groups? {
    let (usage, tally) = (outcome.usage, outcome.tally)
    guard after.frames > before.frames, usage.diskCalls > 0, tally.pairs.count > 0 else {
      return nil
    }
    let written = Double(after.bytes - before.bytes)
    let perSecond = Double(tally.records) / usage.seconds * written / Double(tally.pairs.count)
    let mean = max(
      written / Double(after.frames - before.frames),
      perSecond * usage.seconds / Double(usage.diskCalls))
    let reference = try DiskReference.measure(
      folder: folder, groupBytes: max(512, Int(mean)), seconds: 1)
    return Row.Groups(
      perSecond: perSecond / mean, meanBytes: mean, reference: reference,
      bytesPerRecord: written / Double(tally.pairs.count))
  }
}
