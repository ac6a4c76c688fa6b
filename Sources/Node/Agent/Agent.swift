package import AccessControl
import CommitLog
import Foundation
import GRPCWire
import LogService
package import Logging
import NIOCore
import NIOPosix
import HTTP2
import LogAPI
import RPC
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
  package let address: AgentConfiguration.Address
  private let log: CommitLog
  private let disk: DiskThread
  private let coldReads: DiskThread
  private let scans: DiskThread
  private let service: LogService
  private let backend: SingleNodeBackend
  private let retention: RetentionTask
  private let health: HealthService
  private let server: RPCServer
  private let reloader: Reloader
  private let group: MultiThreadedEventLoopGroup
  private let logger: Logger

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

  /// What the files of certificates are now.
  static func tlsContext(_ configuration: AgentConfiguration) throws -> TLSContext {
    let tls = try TLSContext.server(
      certificate: configuration.certificate, key: configuration.key,
      ca: configuration.authority, crl: configuration.revocations,
      minimumVersion: configuration.minimumTLS)
    guard tls.isForServers else {
      throw ConfigurationError(
        "tls.cert: \(configuration.certificate) is no server's certificate (its extended key usage"
          + " lacks serverAuth), so every client would refuse it; `make certs` makes one that is")
    }
    return tls
  }

  /// What the file of rules is now.
  static func authorizer(_ configuration: AgentConfiguration) throws -> Authorizer {
    let bytes: Data
    do {
      bytes = try Data(contentsOf: URL(fileURLWithPath: configuration.policy))
    } catch {
      let why = (error as NSError).userInfo[NSUnderlyingErrorKey].map { ": \($0)" } ?? ""
      throw ConfigurationError(
        "\(configuration.policy): the rules cannot be read (acl.policy)\(why)")
    }
    return Authorizer(try Policy(parsing: Array(bytes), file: configuration.policy))
  }

  /// Opens the log and serves it. Returns when clients can connect.
  package static func start(
    _ configuration: AgentConfiguration, logger: Logger
  ) async throws -> Agent {
    let prepared = try prepare(configuration)
    let log = try openLog(configuration, logger)
    do {
      return try await Agent(configuration, prepared, log, logger)
    } catch {
      try? log.close()
      throw error
    }
  }

  private static func openLog(
    _ configuration: AgentConfiguration, _ logger: Logger
  ) throws -> CommitLog {
    var options = CommitLog.Options()
    options.segmentBytes = configuration.segmentBytes
    options.retention = configuration.retention
    options.note = { note in
      logger.warning("the log was repaired while opening", metadata: ["note": "\(note)"])
    }
    return try CommitLog.open(configuration.dataFolder, options: options)
  }

  private init(
    _ configuration: AgentConfiguration, _ prepared: Prepared, _ log: CommitLog, _ logger: Logger
  ) async throws {
    self.configuration = configuration
    self.log = log
    self.logger = logger
    let connections = try OpenFiles.connections(
      wanted: configuration.connections, segments: log.segmentCount, logger)
    let threads =
      configuration.eventLoops == 0
      ? max(1, System.coreCount / 2) : configuration.eventLoops
    group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
    disk = DiskThread()
    coldReads = DiskThread()
    scans = DiskThread()
    health = HealthService()

    var limits = ServiceLimits()
    limits.recordBytes = configuration.recordBytes
    limits.consumerStall = configuration.consumerStall
    let loops = group.makeIterator().map { ServiceLoop($0, limits: limits) }
    backend = SingleNodeBackend(
      log: log, disk: disk, eventLoop: loops[0].eventLoop, loops: loops, limits: limits,
      clock: Self.wallClock
    ) { [health, logger] failure in
      Self.report(failure, health, logger)
    }
    retention = RetentionTask(log, disk: disk, eventLoop: loops[0].eventLoop) {
      [health, logger] outcome in
      Self.report(outcome, health, logger)
    }
    let advertised = configuration.advertise ?? configuration.listen
    let core = LogServiceCore(
      backend: backend, limits: limits,
      about: ServerDescription(
        nodeID: configuration.nodeID, clusterID: log.identity.clusterID.description,
        advertisedAddress: advertised.description, segmentBytes: configuration.segmentBytes,
        logCreated: Self.creationTime(of: configuration.dataFolder)),
      coldReads: coldReads, scans: scans, clock: Self.wallClock)
    let subject = configuration.subject
    service = LogService(core, loops: loops, authorizer: prepared.authorizer) {
      // No name, no rights: no rule allows the empty subject.
      $0.identity?.subject(from: subject) ?? ""
    }
    var rpc = RPCServerConfiguration(
      host: configuration.listen.host, port: configuration.listen.port, tls: prepared.tls)
    rpc.maxMessageBytes = configuration.messageBytes
    rpc.maxConnections = connections
    rpc.http2.maxConcurrentStreams = configuration.streamsPerConnection
    rpc.logger = logger
    do {
      server = try await RPCServer.start(
        rpc, methods: service.methods + health.methods + Self.reflection(configuration),
        group: group)
    } catch {
      await retention.stop()
      disk.stop()
      coldReads.stop()
      scans.stop()
      try? await group.shutdownGracefully()
      throw ListenError(configuration.listen, error)
    }
    reloader = Reloader(
      configuration, prepared.files,
      .init(
        tls: { [server] in server.replaceTLS($0) },
        rules: { [service] in service.replaceRules($0) }), logger)
    await reloader.start()
    address = .init(host: configuration.listen.host, port: server.port)
    if configuration.advertise == nil { core.advertise(address.description) }
    health.set("", .serving)
    health.set("log.v1.Log", .serving)
  }

  /// Reads certificates and rules again, changed or not, and puts them in force.
  package func reload() async { await reloader.look(always: true) }

  /// Stops taking calls, finishes what was accepted, closes the log. Calls get
  /// `shutdown.drain`; clients that do not even take their last bytes get a second more.
  package func stop() async throws {
    await reloader.stop()
    logger.info("draining", metadata: ["longest": "\(configuration.drain)"])
    health.set("", .notServing)
    health.set("log.v1.Log", .notServing)
    health.endWatches()
    service.drain()
    await server.drain(timeout: TimeAmount(configuration.drain))
    await retention.stop()
    await backend.stop()
    // Their last jobs still report to the loops.
    disk.stop()
    coldReads.stop()
    scans.stop()
    let closed = Result { try log.close() }
    try await group.shutdownGracefully()
    try closed.get()
    logger.info("stopped")
  }

  private static func report(_ failure: LogFailure?, _ health: HealthService, _ logger: Logger) {
    switch failure {
    case nil:
      health.set("log.v1.Log", .serving)
      logger.info("writes succeed again")
    case .diskFull(let file):
      logger.error(
        "the disk is full: writes are refused, reads go on; writes resume when there is space",
        metadata: ["file": "\(file)"])
    case .outOfFiles(let file):
      logger.error(
        "too many open files: writes are refused, reads go on; writes resume when some are closed; raise the limit (ulimit -n, LimitNOFILE= of systemd)",
        metadata: ["file": "\(file)"])
    case .some(let failure):
      health.set("log.v1.Log", .notServing)
      logger.critical(
        "a write failed: no record is acknowledged any more; restart after the disk is mended",
        metadata: ["error": "\(failure)"])
    }
  }

  private static func reflection(_ configuration: AgentConfiguration) throws -> [RPCMethod] {
    guard configuration.reflection, let descriptors = Base64.decode(PublishedDescriptors.base64)
    else { return [] }
    return try ReflectionService(descriptors: descriptors).methods
  }

  private static func report(
    _ outcome: RetentionTask.Outcome, _ health: HealthService, _ logger: Logger
  ) {
    switch outcome {
    case .removed(let step):
      logger.info(
        "retention removed the oldest segment",
        metadata: [
          "cause": "\(step.cause.rawValue)", "records": "\(step.removed.count)",
          "start": "\(step.removed.upperBound)", "bytes": "\(step.bytes)",
        ])
    case .failed(let error):
      switch error {
      // No write succeeds any more, though none may come to find that out.
      case .io, .poisoned: health.set("log.v1.Log", .notServing)
      default: break
      }
      logger.critical(
        "retention failed: nothing is removed any more; restart after the disk is mended",
        metadata: ["error": "\(error)"])
    }
  }

  /// When a data folder was made, nanoseconds since 1970: its identity is written once.
  private static func creationTime(of folder: String) -> UInt64 {
    var status = stat()
    guard stat("\(folder)/identity", &status) == 0 else { return 0 }
    return UInt64(status.st_mtim.tv_sec) * 1_000_000_000 + UInt64(status.st_mtim.tv_nsec)
  }

  /// Nanoseconds since 1970.
  @Sendable private static func wallClock() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
