package import AccessControl
import ClusterModel
import CommitLog
import Foundation
import GRPCWire
import HTTP2
import LogAPI
import LogService
package import Logging
import NIOCore
import NIOPosix
import RPC
import RaftAPI
import RaftCore
import RaftNode
import RaftService
import Synchronization
package import TLS

/// One running server: starts its parts in order and stops them in reverse.
package final class Agent: Sendable {
  /// What is read before anything is opened, so that `distlogd check` and `serve` judge alike.
  package struct Prepared: Sendable {
    package let tls: TLSContext
    package let authorizer: Authorizer
    /// The states of the files in which they were read.
    let files: WatchedFiles
  }

  package let configuration: AgentConfiguration
  let logger: Logger
  let health = HealthService()
  private let folder: ClusterFolder<LinuxDisk>
  private let group: MultiThreadedEventLoopGroup
  private let limits: ServiceLimits
  private let loops: [ServiceLoop]
  private let endpoint: RaftEndpoint
  private let slot = LogServiceSlot()
  /// Writes the log.
  private let disk = DiskThread()
  private let coldReads = DiskThread()
  private let scans = DiskThread()
  private let running = Mutex(Running())

  /// What there is by now.
  private struct Running {
    var server: RPCServer?
    var runner: RaftRunner?
    var backend: RaftBackend?
    var service: LogService?
    var retention: RetentionTask?
    var scrub: ScrubTask?
    var reloader: Reloader?
  }

  // MARK: - Starting

  /// Raises the limit of open files, reads certificates and rules.
  ///
  /// - Throws: `TLSError`, `PolicyError` or `ConfigurationError`, each naming the file.
  package static func prepare(_ configuration: AgentConfiguration) throws -> Prepared {
    // Before the log is opened: each segment takes a descriptor, and there is at least one.
    _ = try OpenFiles.connections(
      wanted: configuration.connections, limit: OpenFiles.raiseLimit(), segments: 1)
    // Before they are read: what changes meanwhile is seen by the reloader.
    let files = WatchedFiles(configuration)
    return Prepared(
      tls: try tlsContext(configuration), authorizer: try authorizer(configuration), files: files)
  }

  /// Opens the log, or finds a cluster that it is to be part of, and serves it. Returns when clients can be served; throws
  /// `CancellationError` when the task is cancelled before.
  package static func start(
    _ configuration: AgentConfiguration, logger: Logger
  ) async throws -> Agent {
    let prepared = try prepare(configuration)
    let agent = Agent(configuration, prepared, logger)
    do {
      try await agent.start(prepared)
      return agent
    } catch {
      await agent.tearDown(drain: .zero)
      try? await agent.group.shutdownGracefully()
      throw error
    }
  }

  private init(
    _ configuration: AgentConfiguration, _ prepared: Prepared, _ logger: Logger
  ) {
    self.configuration = configuration
    self.logger = logger
    folder = ClusterFolder(
      configuration.dataFolder, disk: LinuxDisk(), options: Self.logOptions(configuration, logger))
    let threads =
      configuration.eventLoops == 0
      ? max(1, System.coreCount / 2) : configuration.eventLoops
    group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
    var limits = ServiceLimits()
    limits.recordBytes = configuration.recordBytes
    limits.consumerStall = configuration.consumerStall
    self.limits = limits
    loops = group.makeIterator().map { ServiceLoop($0, limits: limits) }
    let names = PeerNames(configuration.peerNames, own: prepared.tls.certificate?.commonName)
    endpoint = RaftEndpoint { names.fit($0.identity?.commonName) }
  }

  private func start(_ prepared: Prepared) async throws {
    var state = try folder.state(of: own(at: configuration.advertised))
    if state.phase == .founding || state.phase == .joining { state = try folder.complete(state) }
    // What is wrong with the log is told before anybody can connect.
    let opened = state.phase == .member ? try await openMended(state) : nil
    try await listen(prepared, segments: opened?.engine.segmentCount ?? 1)
    if let opened {
      try await serve(opened, prepared)
    } else {
      let found = try await form(state, prepared)
      try await serve(open(folder.complete(found)), prepared)
    }
    await watchFiles(prepared)
    for service in ["", "log.v1.Log"] where !hasFailed { health.set(service, .serving) }
  }

  private var hasFailed: Bool {
    running.withLock { $0.runner?.status.diskFailure != nil }
  }

  private func own(at address: AgentConfiguration.Address) -> (NodeID) -> MemberEntry {
    { [configuration] id in
      MemberEntry(id, name: configuration.nodeID, address: "\(address)", isLearner: false)
    }
  }

  private func listen(_ prepared: Prepared, segments: Int) async throws {
    var rpc = RPCServerConfiguration(
      host: configuration.listen.host, port: configuration.listen.port, tls: prepared.tls)
    rpc.maxMessageBytes = configuration.messageBytes
    rpc.maxConnections = try OpenFiles.connections(
      wanted: configuration.connections, segments: segments, logger)
    rpc.http2.maxConcurrentStreams = configuration.streamsPerConnection
    rpc.logger = logger
    do {
      let server = try await RPCServer.start(
        rpc,
        methods: slot.methods + endpoint.methods + health.methods + Self.reflection(configuration),
        group: group)
      running.withLock { $0.server = server }
    } catch {
      throw ListenError(configuration.listen, error)
    }
  }

  /// Waits for the folder to become a cluster's.
  private func form(
    _ state: FormationFile<LinuxDisk>.State, _ prepared: Prepared
  ) async throws -> FormationFile<LinuxDisk>.State {
    let settings = FormationRunner.Settings(
      name: configuration.nodeID, address: "\(advertised)",
      seeds: configuration.seeds.map { PeerAddress(host: $0.host, port: $0.port) },
      expected: configuration.expected, tls: try Self.peerTLS(configuration))
    // Held until the folder is completed, which takes it of its own.
    let lock = try folder.lock()
    let formation = FormationRunner(
      settings, folder: folder, state: state, on: loops[0].eventLoop
    ) { [logger] notice in Self.report(notice, logger) }
    endpoint.introduce { formation.answer($0) }
    let found = try await formation.run()
    withExtendedLifetime(lock) {}
    return found
  }

  /// The replica over the log in the folder; damage in it is mended first, if there are servers to mend it from.
  private func openMended(
    _ state: FormationFile<LinuxDisk>.State
  ) async throws -> sending Replica<LinuxDisk> {
    do {
      return try open(state)
    } catch let error as CommitLogError {
      let others = (state.founding?.members ?? []).compactMap { PeerAddress($0.address) }
      let seeds = configuration.seeds.map { PeerAddress(host: $0.host, port: $0.port) }
      let own = PeerAddress("\(configuration.advertised)")
      var peers: [PeerAddress] = []
      for peer in others + seeds where peer != own && !peers.contains(peer) { peers.append(peer) }
      // Entries can be had from the others; what else there is on a disk is each server's own.
      guard case .corrupt(let file, let position, _, _) = error, file.hasSuffix(".store"),
        position > 0, !peers.isEmpty
      else { throw error }
      logger.critical(
        "the log on this disk is damaged; the entries are asked for from the other servers",
        metadata: ["error": "\(error)"])
      let mending = FolderMending(
        configuration.dataFolder, peers: peers, tls: try Self.peerTLS(configuration),
        on: loops[0].eventLoop)
      let outcome = try await mending.run { [logger] fault in
        logger.warning(
          "no other server has the damaged entries at hand; asking again",
          metadata: ["file": "\(fault.file)", "entry": "\(fault.index)"])
      }
      guard case .mended(let entries) = outcome, entries > 0 else { throw error }
      logger.notice(
        "damage was mended with what other servers have", metadata: ["entries": "\(entries)"])
      return try open(state)
    }
  }

  /// The replica over the log in the folder.
  private func open(_ state: FormationFile<LinuxDisk>.State) throws -> Replica<LinuxDisk> {
    var settings = Replica<LinuxDisk>.Settings()
    settings.log = Self.logOptions(configuration, logger)
    settings.raft.heartbeatInterval = configuration.heartbeat.nanoseconds
    let timeout = configuration.electionTimeout.nanoseconds
    settings.raft.electionTimeout = timeout...(timeout + timeout / 2)
    let replica = try Replica(
      configuration.dataFolder, disk: LinuxDisk(), settings: settings,
      founders: state.founding?.members ?? [], isNew: false,
      random: SeededRandom(seed: .random(in: .min ... .max)), at: RaftRunner.now())
    replica.keepReserve()
    return replica
  }

  private func serve(_ replica: sending Replica<LinuxDisk>, _ prepared: Prepared) async throws {
    var settings = RaftRunner.Settings()
    settings.address = "\(advertised)"
    settings.slowDisk = configuration.slowDisk.nanoseconds
    settings.room = configuration.room
    settings.tls = try Self.peerTLS(configuration)
    // A group of one has its say at once; others must first find each other.
    let isAlone = replica.core.membership.voters == [replica.id]
    if !replica.core.membership.contains(replica.id) {
      logger.warning("this server is no member of the cluster: an operator has to add it")
    }
    let reporter = ClusterReporter(own: replica.id, health, logger)
    let runner = RaftRunner(
      replica, settings: settings, diskThread: disk, eventLoop: loops[0].eventLoop
    ) { [weak self] notice in
      reporter.report(notice)
      if case .logStartMoved = notice {
        self?.running.withLock { $0.retention }?.lookNow()
      }
    }
    let backend = RaftBackend(runner, loops: loops, limits: limits)
    running.withLock {
      $0.runner = runner
      $0.backend = backend
    }
    let about = ServerDescription(
      nodeID: configuration.nodeID, clusterID: "\(runner.identity.clusterID)",
      advertisedAddress: "\(advertised)", segmentBytes: configuration.segmentBytes,
      logCreated: Self.creationTime(of: configuration.dataFolder))
    let administrator = ClusterAdministrator(
      runner, about, version: Versions.distlog, started: Self.wallClock(),
      folder: configuration.dataFolder, limits: configuration.limits)
    endpoint.report { administrator.report() }
    let core = LogServiceCore(
      backend: backend, limits: limits, about: about, administrator: administrator,
      coldReads: coldReads, scans: scans, clock: Self.wallClock)
    let subject = configuration.subject
    let service = LogService(core, loops: loops, authorizer: prepared.authorizer) {
      // No name, no rights: no rule allows the empty subject.
      $0.identity?.subject(from: subject) ?? ""
    }
    introduce(runner)
    endpoint.attach(runner)
    runner.start(backend)
    if isAlone { await runner.whenReady() }
    let retention = RetentionTask(disk: disk, eventLoop: loops[0].eventLoop) {
      [health, logger] outcome in
      Self.report(outcome, health, logger)
    } step: { () throws(CommitLogError) in
      try runner.applyRetentionStep()
    }
    let scrub =
      configuration.scrubRate == 0
      ? nil
      : ScrubTask(
        backend.log, on: scans, eventLoop: loops[0].eventLoop,
        bytesPerSecond: configuration.scrubRate
      ) { backend.noteDamage($0) }
    running.withLock {
      $0.service = service
      $0.retention = retention
      $0.scrub = scrub
    }
    slot.fill(service)
  }

  /// Tells servers that look for a cluster which one this is.
  private func introduce(_ runner: RaftRunner) {
    let founding = Founding(
      clusterID: "\(runner.identity.clusterID)", logID: "\(runner.identity.logInstanceID)")
    let own = own(at: advertised)(runner.id)
    endpoint.introduce { _ in Introduction(own, founding: founding, isFormed: true) }
  }

  private func watchFiles(_ prepared: Prepared) async {
    let parts = running.withLock { ($0.server, $0.service, $0.runner) }
    guard let server = parts.0, let service = parts.1, let runner = parts.2 else { return }
    let reloader = Reloader(
      configuration, prepared.files,
      .init(
        tls: { server.replaceTLS($0) }, peerTLS: { runner.replaceTLS($0) },
        rules: { service.replaceRules($0) }), logger)
    running.withLock { $0.reloader = reloader }
    await reloader.start()
  }

  // MARK: - Running

  /// Where clients connect to.
  package var address: AgentConfiguration.Address {
    let port = running.withLock { $0.server?.port } ?? configuration.listen.port
    return .init(host: configuration.listen.host, port: port)
  }

  /// The address that clients and other servers are told.
  private var advertised: AgentConfiguration.Address { configuration.advertise ?? address }

  /// Reads certificates and rules again, changed or not, and puts them in force.
  package func reload() async {
    let reloader = running.withLock { $0.reloader }
    await reloader?.look(always: true)
  }

  // MARK: - Stopping

  /// Hands over its leadership, stops taking calls, finishes what was accepted, closes the log. Calls get
  /// `shutdown.drain`; clients that do not even take their last bytes get a second more.
  package func stop() async throws {
    logger.info("draining", metadata: ["longest": "\(configuration.drain)"])
    let closed = await tearDown(drain: TimeAmount(configuration.drain))
    try await group.shutdownGracefully()
    try closed.get()
    logger.info("stopped")
  }

  @discardableResult
  private func tearDown(drain: TimeAmount) async -> Result<Void, any Error> {
    let parts = running.withLock { $0 }
    await parts.reloader?.stop()
    health.set("", .notServing)
    health.set("log.v1.Log", .notServing)
    health.endWatches()
    await parts.runner?.handOver(within: .seconds(1))
    parts.service?.drain()
    // Other servers' streams bring the acknowledgements for what was accepted, so they end last.
    let ending = Task { [endpoint] in
      await parts.backend?.drain()
      endpoint.drain()
    }
    await parts.server?.drain(timeout: drain)
    endpoint.drain()
    await parts.scrub?.stop()
    await parts.retention?.stop()
    let closed: Result<Void, any Error>
    do {
      try await parts.runner?.stop()
      closed = .success(())
    } catch {
      closed = .failure(error)
    }
    await ending.value
    // Their last jobs still report to the loops.
    disk.stop()
    coldReads.stop()
    scans.stop()
    return closed
  }
}
