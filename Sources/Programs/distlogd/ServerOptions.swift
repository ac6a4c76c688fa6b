import Agent
import ArgumentParser
import Foundation

/// The flags of every setting, and where else settings come from.
struct ServerOptions: ParsableArguments {
  @Option(name: .long, help: "YAML file of settings (environment: DISTLOG_CONFIG).")
  var config: String?

  @Option(name: [.customLong("node-id"), .customLong("id")], help: help("node.id"))
  var nodeID: String?
  @Option(name: [.customLong("node-data-dir"), .customLong("data")], help: help("node.dataDir"))
  var nodeDataDir: String?
  @Option(name: .long, help: help("node.eventLoops"))
  var nodeEventLoops: String?
  @Option(name: [.customLong("listen-rpc"), .customLong("listen")], help: help("listen.rpc"))
  var listenRpc: String?
  @Option(name: .long, help: help("advertise.rpc"))
  var advertiseRpc: String?
  @Option(
    name: [.customLong("join-seeds"), .customLong("join")], help: help("join.seeds"))
  var joinSeeds: [String] = []
  @Option(
    name: [.customLong("join-bootstrap-expect"), .customLong("expect")],
    help: help("join.bootstrapExpect"))
  var joinBootstrapExpect: String?
  @Option(name: .long, help: help("tls.cert"))
  var tlsCert: String?
  @Option(name: .long, help: help("tls.key"))
  var tlsKey: String?
  @Option(name: .long, help: help("tls.ca"))
  var tlsCa: String?
  @Option(name: .long, help: help("tls.crl"))
  var tlsCrl: String?
  @Option(name: .long, help: help("tls.reload"))
  var tlsReload: String?
  @Option(name: .long, help: help("tls.minVersion"))
  var tlsMinVersion: String?
  @Option(name: .long, help: help("tls.peerNames"))
  var tlsPeerNames: String?
  @Option(name: .long, help: help("auth.subject"))
  var authSubject: String?
  @Option(name: .long, help: help("acl.policy"))
  var aclPolicy: String?
  @Option(name: .long, help: help("storage.segmentBytes"))
  var storageSegmentBytes: String?
  @Option(name: .long, help: help("storage.low"))
  var storageLow: String?
  @Option(name: .long, help: help("storage.full"))
  var storageFull: String?
  @Option(name: .long, help: help("storage.scrubRate"))
  var storageScrubRate: String?
  @Option(name: .long, help: help("logs.retentionBytes"))
  var logsRetentionBytes: String?
  @Option(name: .long, help: help("logs.retentionAge"))
  var logsRetentionAge: String?
  @Option(name: .long, help: help("logs.maxRecordBytes"))
  var logsMaxRecordBytes: String?
  @Option(name: .long, help: help("raft.heartbeat"))
  var raftHeartbeat: String?
  @Option(name: .long, help: help("raft.electionTimeout"))
  var raftElectionTimeout: String?
  @Option(name: .long, help: help("raft.slowDiskTimeout"))
  var raftSlowDiskTimeout: String?
  @Option(name: .long, help: help("limits.messageBytes"))
  var limitsMessageBytes: String?
  @Option(name: .long, help: help("limits.connections"))
  var limitsConnections: String?
  @Option(name: .long, help: help("limits.streamsPerConnection"))
  var limitsStreamsPerConnection: String?
  @Option(name: .long, help: help("limits.consumerStall"))
  var limitsConsumerStall: String?
  @Option(name: .long, help: help("rpc.reflection"))
  var rpcReflection: String?
  @Option(name: .long, help: help("log.level"))
  var logLevel: String?
  @Option(name: .long, help: help("log.format"))
  var logFormat: String?
  @Option(name: .long, help: help("shutdown.drain"))
  var shutdownDrain: String?

  /// The text of each given flag by setting key.
  private var flags: [String: String?] {
    [
      "node.id": nodeID, "node.dataDir": nodeDataDir, "node.eventLoops": nodeEventLoops,
      "listen.rpc": listenRpc, "advertise.rpc": advertiseRpc,
      "join.seeds": joinSeeds.isEmpty ? nil : joinSeeds.joined(separator: ","),
      "join.bootstrapExpect": joinBootstrapExpect, "tls.peerNames": tlsPeerNames,
      "raft.heartbeat": raftHeartbeat, "raft.electionTimeout": raftElectionTimeout,
      "raft.slowDiskTimeout": raftSlowDiskTimeout, "tls.cert": tlsCert, "tls.key": tlsKey,
      "tls.ca": tlsCa, "tls.crl": tlsCrl, "tls.reload": tlsReload,
      "tls.minVersion": tlsMinVersion, "auth.subject": authSubject,
      "acl.policy": aclPolicy, "storage.segmentBytes": storageSegmentBytes,
      "storage.low": storageLow, "storage.full": storageFull, "storage.scrubRate": storageScrubRate,
      "logs.retentionBytes": logsRetentionBytes,
      "logs.retentionAge": logsRetentionAge,
      "logs.maxRecordBytes": logsMaxRecordBytes, "limits.messageBytes": limitsMessageBytes,
      "limits.connections": limitsConnections,
      "limits.streamsPerConnection": limitsStreamsPerConnection,
      "limits.consumerStall": limitsConsumerStall, "rpc.reflection": rpcReflection,
      "log.level": logLevel,
      "log.format": logFormat, "shutdown.drain": shutdownDrain,
    ]
  }

  func values() throws(ConfigurationError) -> SettingValues {
    let environment = ProcessInfo.processInfo.environment
    return try SettingValues(
      flags: flags.compactMapValues { $0 }, environment: environment,
      file: config ?? environment["DISTLOG_CONFIG"])
  }

  private static func help(_ key: String) -> ArgumentHelp {
    guard let setting = Setting.named(key) else { preconditionFailure("no setting \(key)") }
    let standard = setting.standard.isEmpty ? "" : " (default: \(setting.standard))"
    return ArgumentHelp("\(setting.help)\(standard)", valueName: "value")
  }
}
