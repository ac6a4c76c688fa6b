internal import GRPCWire
internal import LogAPI
internal import NIOCore
internal import NIOPosix
internal import Protobuf
internal import RPC

/// A way to a distlog cluster: produce, consume, and ask about logs and servers.
///
/// One client serves any number of tasks. It dials when it is first used.
///
/// ```swift
/// let client = try DistlogClient(
///   servers: ["localhost:8400"], ca: "ca.pem", certificate: "client.pem", key: "client-key.pem")
/// let acknowledgement = try await client.produce([Record("hello")])
/// for try await record in client.consume() { print(record.offset, record.value) }
/// ```
public final class DistlogClient: Sendable {
  /// What the client was made with.
  public let configuration: ClientConfiguration
  private let group: MultiThreadedEventLoopGroup
  private let seeds: Seeds

  /// Reads the certificate files; does not dial yet.
  public init(_ configuration: ClientConfiguration) throws(DistlogError) {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
      seeds = try Seeds(configuration, on: group.next())
    } catch {
      group.shutdownGracefully { _ in }
      throw error
    }
    self.configuration = configuration
    self.group = group
  }

  /// - Parameters:
  ///   - servers: `host:port` of one or more servers, tried in turn.
  ///   - ca: a PEM file with the CA that signed the servers' certificates.
  ///   - certificate: a PEM file with this client's certificate and chain.
  ///   - key: a PEM file with the private key of `certificate`.
  public convenience init(
    servers: [String], ca: String, certificate: String? = nil, key: String? = nil
  ) throws(DistlogError) {
    var addresses: [ServerAddress] = []
    for server in servers { addresses.append(try ServerAddress(server)) }
    try self.init(
      ClientConfiguration(
        servers: addresses, tls: .init(ca: ca, certificate: certificate, key: key)))
  }

  /// Ends all calls and closes the connections.
  public func close() async {
    await seeds.close()
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      group.shutdownGracefully { _ in continuation.resume() }
    }
  }

  // MARK: - Records

  /// Appends records as one batch: all or nothing, with consecutive offsets.
  ///
  /// On disk on a majority on return. An error with `isOutcomeUnknown` leaves open whether they are
  /// in the log; any other means that none is.
  @discardableResult
  public func produce(
    _ records: [Record], to log: String = ""
  ) async throws(DistlogError) -> Acknowledgement {
    let batch = ProduceBatch(log: log)
    for record in records { batch.append(record) }
    let request = batch.withUnsafeBytes { [UInt8]($0) }
    return try Acknowledgement(try await callLeader(.produce, request))
  }

  /// A producer that gathers records into batches and keeps several under way.
  public func producer(_ options: ProducerOptions = .init()) async throws(DistlogError) -> Producer
  {
    Producer(
      options,
      on: try await produceStream(
        maxInFlight: options.maxInFlight, isIdempotent: options.isIdempotent, name: options.name))
  }

  /// Reads records in order; each iteration is a read of its own.
  public func consume(_ options: ConsumeOptions = .init()) -> RecordSequence {
    RecordSequence(batches: RecordBatchSequence(client: self, options: options))
  }

  // MARK: - Questions

  /// The servers of the cluster, as the one that answers sees them.
  public func servers() async throws(DistlogError) -> ServerList {
    ServerList(try await call(.getServers, GetServersRequest(includeLearners: true).serialized()))
  }

  /// The logs that this client may describe and whose names begin with `prefix`.
  public func logs(prefix: String = "") async throws(DistlogError) -> [LogDescription] {
    let response: ListLogsResponse = try await call(
      .listLogs, ListLogsRequest(prefix: prefix).serialized())
    return response.logs.map { LogDescription($0) }
  }

  /// One log; empty: the default one.
  public func describeLog(_ name: String = "") async throws(DistlogError) -> LogDescription {
    LogDescription(try await call(.describeLog, DescribeLogRequest(name: name).serialized()))
  }

  /// Sets what is to be kept of a log, on every server; what is nil stays as it is.
  ///
  /// - Parameters:
  ///   - name: empty: the default log.
  ///   - retentionBytes: segments go while those behind them hold at least so many; -1 = no limit.
  ///   - retentionMilliseconds: segments go when their newest entry is older; -1 = no limit.
  @discardableResult
  public func updateLog(
    _ name: String = "", retentionBytes: Int64? = nil, retentionMilliseconds: Int64? = nil
  ) async throws(DistlogError) -> LogDescription {
    let config = LogConfig(
      retentionBytes: retentionBytes ?? 0, retentionMs: retentionMilliseconds ?? 0)
    let request = UpdateLogRequest(name: name, config: config)
    return LogDescription(try await callLeader(.updateLog, request.serialized()))
  }

  /// Makes a log begin with the record at `offset`, on every server: what is before it is removed and cannot be had back.
  @discardableResult
  public func truncateLog(
    _ name: String = "", before offset: UInt64
  ) async throws(DistlogError) -> LogDescription {
    let request = TruncateLogRequest(name: name, beforeOffset: offset)
    return LogDescription(try await callLeader(.truncateLog, request.serialized()))
  }

  /// The first record at or after a time, in nanoseconds since 1970.
  public func findOffset(
    in log: String = "", at timestamp: UInt64
  ) async throws(DistlogError) -> FoundOffset {
    var request = FindOffsetRequest()
    request.log = log
    request.timestampUnixNano = timestamp
    return FoundOffset(try await call(.findOffset, request.serialized()))
  }

  /// The image of a log as it is now, while it goes on, in pieces of up to 1 MiB; `distlogd restore` makes a data folder of
  /// it.
  ///
  /// - Parameters:
  ///   - log: empty: the default log.
  ///   - actor: where `progress` and `sink` run: the caller's.
  ///   - sink: takes each piece; what it throws ends the backup.
  ///   - progress: told of the bytes so far, and about how many there are in all.
  public func backup(
    of log: String = "", isolation actor: isolated (any Actor)? = #isolation,
    progress: (_ done: UInt64, _ all: UInt64) -> Void = { _, _ in },
    _ sink: (_ piece: [UInt8]) throws -> Void
  ) async throws {
    var request = BackupRequest()
    if !log.isEmpty { request.logs = [log] }
    let channel = try await seeds.connected()
    var responses = channel.serverStream(LogMethod.backup.path, request.serialized())
      .makeAsyncIterator()
    var all: UInt64 = 0
    var done: UInt64 = 0
    while let message = try await Self.next(&responses, isolation: actor) {
      let chunk: BackupChunk
      do {
        chunk = try BackupChunk(serialized: message)
      } catch {
        throw DistlogError.malformedAnswer(BackupChunk.descriptorName, error)
      }
      all = max(all, chunk.totalBytes)
      done += UInt64(chunk.data.count)
      try sink(chunk.data)
      progress(done, all)
    }
  }

  private static func next(
    _ responses: inout ResponseStream.Iterator, isolation actor: isolated (any Actor)?
  ) async throws(DistlogError) -> [UInt8]? {
    do {
      return try await responses.next(isolation: actor)
    } catch {
      throw DistlogError(error)
    }
  }

  // MARK: - Calls

  /// Throws OFFSET_OUT_OF_RANGE when `offset` lies beyond the log's end, where nothing can be yet.
  package func checkStart(_ offset: UInt64, in log: String) async throws(DistlogError) {
    var request = ConsumeRequest()
    request.log = log
    request.offset = offset
    do {
      let _: ConsumeResponse = try await call(.consume, request.serialized())
    } catch {
      let isAtEnd = error.metadata["end"] == String(offset)
      guard error.reason == "OFFSET_OUT_OF_RANGE", isAtEnd else { throw error }
    }
  }

  package func produceStream(
    maxInFlight: Int, isIdempotent: Bool = true, name: String = ""
  ) async throws(DistlogError) -> ProduceStream {
    let identity = isIdempotent ? try await initProducer(name) : nil
    return ProduceStream(
      seeds, on: try await seeds.connectedToLeader(), as: identity, maxInFlight: maxInFlight,
      timeout: configuration.timeout)
  }

  /// nil where the server is of a version that knows no idempotent producers.
  private func initProducer(
    _ name: String
  ) async throws(DistlogError) -> ProduceStream.Identity? {
    do {
      let response: InitProducerResponse = try await callLeader(
        .initProducer, InitProducerRequest(name: name).serialized())
      return ProduceStream.Identity(id: response.producerID, epoch: response.producerEpoch)
    } catch {
      guard error.code == "UNIMPLEMENTED" else { throw error }
      return nil
    }
  }

  /// Asks the leader, wherever it is: again while what was asked is certainly not done because it was no leader that was
  /// asked.
  func callLeader<Response: ProtobufMessage>(
    _ method: LogMethod, _ request: [UInt8]
  ) async throws(DistlogError) -> Response {
    let limit = ContinuousClock.now + configuration.timeout
    while true {
      var asked: RPCChannel?
      do {
        let channel = try await seeds.connectedToLeader()
        asked = channel
        return try await call(method, request, on: channel)
      } catch {
        // To be given a producer's id twice does no harm.
        let mayRepeat =
          error.hasWrongServer || method == .initProducer && error.isConnectionTrouble
        guard mayRepeat, .now < limit else { throw error }
        if let asked { await seeds.heard(error, from: asked) }
        guard (try? await Task.sleep(for: .milliseconds(50))) != nil else { throw .cancelled }
      }
    }
  }

  package func session(_ options: ConsumeOptions) -> ConsumeSession {
    ConsumeSession(options, seeds: seeds, timeout: configuration.timeout)
  }

  func call<Response: ProtobufMessage>(
    _ method: LogMethod, _ request: [UInt8]
  ) async throws(DistlogError) -> Response {
    try await call(method, request, on: try await seeds.connected())
  }

  private func call<Response: ProtobufMessage>(
    _ method: LogMethod, _ request: [UInt8], on channel: RPCChannel
  ) async throws(DistlogError) -> Response {
    let answer: [UInt8]
    do {
      answer = try await channel.unary(method.path, request, timeout: configuration.timeout)
    } catch {
      var failure = DistlogError(error)
      if method == .produce, failure.reason == failure.code,
        ["UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN"].contains(failure.code)
      {
        failure.isOutcomeUnknown = true
      }
      throw failure
    }
    do {
      return try Response(serialized: answer)
    } catch {
      throw .malformedAnswer(Response.descriptorName, error)
    }
  }
}
