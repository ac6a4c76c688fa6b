import AccessControl
import ClusterModel
import CommitLog
import LogService
import NIOCore
import NIOPosix
import RPC
import RaftAPI
import RaftCore
import RaftNode
import RaftService
import Synchronization
import TLS
import TestSupport

/// Three servers in one process: real sockets, real mutual TLS, real files.
final class Cluster {
  let folder: TemporaryFolder
  let cluster = UniqueID.random()
  let log = UniqueID.random()
  var nodes: [Node] = []

  init(_ count: Int = 3) async throws {
    folder = try TemporaryFolder()
    for number in 1...count { nodes.append(try await Node(number, self)) }
    let members = nodes.map(\.member)
    for node in nodes { try await node.start(members) }
  }

  func stop() async throws {
    for node in nodes { try await node.stop() }
  }

  /// The leader, once all that are up agree on one.
  func leader() async throws -> Node {
    let up = nodes.filter { $0.runner != nil }
    return try await eventually("a leader that all know") {
      guard let leader = up.first(where: { $0.status.role == .leader }) else { return nil }
      return up.allSatisfy { $0.status.leader == leader.id } ? leader : nil
    }
  }

  /// Waits until every server that is up has all entries of the others, applied.
  func settle() async throws {
    let up = nodes.filter { $0.runner != nil }
    _ = try await eventually("all servers have the same") {
      let ends = Set(up.map { $0.status.appliedIndex })
      let last = up.map { $0.status.lastIndex }.max()
      return ends.count == 1 && ends.first == last ? true : nil
    }
  }
}

/// One server.
final class Node {
  let id: NodeID
  let member: MemberEntry
  let port: Int
  private var path: String
  private var identity: LogIdentity
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let endpoint: RaftEndpoint
  private var server: RPCServer?
  private var disk: DiskThread?
  private var readers: DiskThread?
  private var backend: RaftBackend?
  private(set) var runner: RaftRunner?
  private var isNew = true
  private let told = Notices()

  /// Only a certificate with this name is a server's.
  static let peerName = "node1"

  init(_ number: Int, _ cluster: Cluster) async throws {
    path = "\(cluster.folder.path)/n\(number)"
    identity = LogIdentity(
      clusterID: cluster.cluster, storageID: .random(), logInstanceID: cluster.log)
    endpoint = RaftEndpoint { $0.identity?.commonName == Node.peerName }
    // A port that is free; the servers must know each other's before they begin.
    port = try await Self.freePort(group)
    id = NodeID(identity.storageID)
    member = MemberEntry(
      id, name: "n\(number)", address: "127.0.0.1:\(port)", isLearner: false)
  }

  /// Not one of those that the system gives to outgoing connections, which could take it before the server does.
  private static func freePort(_ group: MultiThreadedEventLoopGroup) async throws -> Int {
    for _ in 0..<50 {
      guard let free = try? await listen(port: .random(in: 10_000..<32_000), [], group) else {
        continue
      }
      await free.drain(timeout: .zero)
      return free.port
    }
    throw ClusterError.noFreePort
  }

  private enum ClusterError: Error { case noFreePort }

  private static func listen(
    port: Int, _ methods: [RPCMethod], _ group: MultiThreadedEventLoopGroup
  ) async throws -> RPCServer {
    let files = try TestCertificates.shared.get().leaf(peerName, usage: .node)
    let tls = try TLSContext.server(
      certificate: files.certificate, key: files.key,
      ca: TestCertificates.shared.get().authority().certificate)
    return try await RPCServer.start(
      RPCServerConfiguration(host: "127.0.0.1", port: port, tls: tls), methods: methods,
      group: group)
  }

  func start(_ founders: [MemberEntry]) async throws {
    var settings = Replica<LinuxDisk>.Settings()
    settings.log.newIdentity = { [identity] in identity }
    settings.log.segmentBytes = 1 << 20
    // Tests are built without optimization and run beside much else: a leader is to be left in peace.
    settings.raft.electionTimeout = 1_500_000_000...2_500_000_000
    let replica = try Replica(
      path, disk: LinuxDisk(), settings: settings, founders: founders, isNew: isNew,
      random: SeededRandom(seed: UInt64.random(in: .min ... .max)),
      at: Instant(nanoseconds: NIODeadline.now().uptimeNanoseconds))
    isNew = false
    let files = try TestCertificates.shared.get().leaf(Self.peerName, usage: .node)
    var service = RaftRunner.Settings()
    service.tls = try TLSContext.client(
      ca: TestCertificates.shared.get().authority().certificate, certificate: files.certificate,
      key: files.key)
    let disk = DiskThread()
    let runner = RaftRunner(
      replica, settings: service, diskThread: disk, eventLoop: group.next()
    ) { [told] notice in told.list.withLock { $0.append(notice) } }
    self.disk = disk
    self.runner = runner
    let logService = try makeService(runner)
    server = try await Self.listen(port: port, endpoint.methods + logService.methods, group)
    endpoint.attach(runner)
    runner.start(backend)
  }

  /// The service of log.v1 over this server's part of the log, which anybody may use.
  private func makeService(_ runner: RaftRunner) throws -> LogService {
    let limits = ServiceLimits()
    let loops = [ServiceLoop(group.next(), limits: limits)]
    let backend = RaftBackend(runner, loops: loops, limits: limits)
    let readers = DiskThread()
    self.backend = backend
    self.readers = readers
    let about = ServerDescription(
      nodeID: member.name, clusterID: "\(identity.clusterID)", advertisedAddress: member.address,
      segmentBytes: 1 << 20, logCreated: 0)
    let administrator = ClusterAdministrator(
      runner, about, version: "test", started: 0, folder: path)
    endpoint.report { administrator.report() }
    let core = LogServiceCore(
      backend: backend, limits: limits, about: about, administrator: administrator,
      coldReads: readers, scans: readers,
      clock: { UInt64(NIODeadline.now().uptimeNanoseconds) })
    let everything = try Policy(
      parsing: Array("p, tester, *, produce\np, tester, *, consume\n".utf8), file: "")
    return LogService(core, loops: loops, authorizer: Authorizer(everything)) { _ in "tester" }
  }

  /// As if the process were gone, but for files.
  func leave() async throws {
    endpoint.attach(nil)
    await server?.drain(timeout: .milliseconds(1))
    server = nil
    try await runner?.stop()
    runner = nil
    disk?.stop()
    disk = nil
    readers?.stop()
    readers = nil
    backend = nil
  }

  func comeBack(_ founders: [MemberEntry]) async throws {
    try await start(founders)
  }

  /// With an empty folder, as another server at the same address.
  func comeBackWiped() async throws {
    path += "-wiped"
    identity = LogIdentity(
      clusterID: identity.clusterID, storageID: .random(), logInstanceID: identity.logInstanceID)
    isNew = true
    try await start([])
  }

  /// What it told since it was last asked.
  func notices() -> [RaftNotice] {
    told.list.withLock { told in
      defer { told.removeAll() }
      return told
    }
  }

  func stop() async throws {
    if runner != nil { try await leave() }
    try await group.shutdownGracefully()
  }

  var status: RaftStatus { runner?.status ?? RaftStatus() }

  /// All records, read from the files of a server that has left.
  func records() throws -> [[UInt8]] {
    let log = try CommitLog.open(path)
    var values: [[UInt8]] = []
    var next = log.offsets.lowerBound
    while next < log.offsets.upperBound {
      let read = try log.read(from: next)
      values += read.map(\.value)
      next += UInt64(read.count)
    }
    try log.close()
    return values
  }
}

private final class Notices: Sendable {
  let list = Mutex<[RaftNotice]>([])
}

struct NeverHappened: Error, CustomStringConvertible {
  let description: String
}

/// Asks again and again, for 20 s at most.
func eventually<Value>(_ what: String, _ body: () throws -> Value?) async throws -> Value {
  let end = NIODeadline.now() + .seconds(20)
  while NIODeadline.now() < end {
    if let value = try body() { return value }
    try await Task.sleep(for: .milliseconds(10))
  }
  throw NeverHappened(description: what)
}

extension Node {
  /// Appends one record; where it is.
  func append(_ value: String) async throws -> UInt64 {
    try await append([Record(value: Array(value.utf8))])
  }

  func append(_ records: [Record]) async throws -> UInt64 {
    let outcome = await runner?.append(records)
    guard case .appended(let offset, let count, _, false)? = outcome, count == records.count else {
      throw NeverHappened(description: "appended, but \(outcome as Any)")
    }
    return offset
  }
}
