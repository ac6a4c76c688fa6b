package import CommitLog
internal import Foundation
package import Logging
package import RaftService
package import TLS

/// Every setting of one server, typed and validated once.
package struct AgentConfiguration: Sendable {
  package enum LogFormat: String, CaseIterable, Sendable {
    case automatic = "auto"
    case text
    case json
  }

  package struct Address: Sendable, Equatable, CustomStringConvertible {
    package var host: String
    package var port: Int
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    var isWildcard: Bool { host == "0.0.0.0" || host == "::" }
    var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
  }

  package var nodeID: String
  package var dataFolder: String
  /// 0 = half the cores.
  package var eventLoops: Int
  package var listen: Address
  package var advertise: Address?
  /// Where to look for other nodes.
  package var seeds: [Address]
  /// Nodes that form the first cluster; 0: none is formed.
  package var expected: Int
  /// Names that certificates of nodes bear; empty: this node's own.
  package var peerNames: [String]
  package var heartbeat: Duration
  package var electionTimeout: Duration
  package var slowDisk: Duration
  package var certificate: String
  package var key: String
  package var authority: String
  /// nil: no revocation lists.
  package var revocations: String?
  /// Between two looks at the files of certificates and rules; zero: none.
  package var reload: Duration
  package var minimumTLS: TLSContext.MinimumVersion
  package var subject: PeerIdentity.SubjectSource
  package var policy: String
  package var segmentBytes: Int
  package var room = DiskRoom()
  /// Bytes a second; 0 = the log is not read for damage.
  package var scrubRate: Int
  package var retention: Retention
  package var recordBytes: Int
  package var messageBytes: Int
  package var connections: Int
  package var streamsPerConnection: Int
  package var consumerStall: Duration
  package var reflection: Bool
  package var logLevel: Logger.Level
  package var logFormat: LogFormat
  package var drain: Duration

  /// The address that others are told, but for a port that is free to choose.
  var advertised: Address { advertise ?? listen }

  package init(_ values: SettingValues) throws(ConfigurationError) {
    let read = Reader(values: values)
    let id = values["node.id"].text
    nodeID = id.isEmpty ? ProcessInfo.processInfo.hostName : id
    try read.check(
      "node.id", (1...64).contains(nodeID.utf8.count) && nodeID.utf8.allSatisfy(Self.isNameByte),
      "must be 1 to 64 of A-Z a-z 0-9 . _ -, not \"\(nodeID)\"")
    dataFolder = try read.text("node.dataDir")
    eventLoops = try read.integer("node.eventLoops", 0...256)
    listen = try read.address("listen.rpc", ports: 0...65535)
    advertise =
      values["advertise.rpc"].text.isEmpty
      ? nil : try read.address("advertise.rpc", ports: 1...65535)
    seeds = try read.addresses("join.seeds")
    expected =
      values["join.bootstrapExpect"].text.isEmpty
      ? (seeds.isEmpty ? 1 : 0) : try read.integer("join.bootstrapExpect", 0...9)
    try read.check(
      "join.bootstrapExpect", expected == 1 || !seeds.isEmpty,
      "with \(expected) the other nodes must be named: set join.seeds (--join)")
    try read.check(
      "join.bootstrapExpect", expected == 0 || seeds.count < 2 * expected,
      "\(expected) nodes cannot hold a majority of \(seeds.count) seeds: name at most \(2 * expected - 1)"
    )
    try read.check(
      "advertise.rpc", advertise != nil || seeds.allSatisfy(\.isLoopback) || !listen.isWildcard,
      "must be set: other nodes cannot connect to \(listen)")
    peerNames = read.list("tls.peerNames")
    heartbeat = try read.duration("raft.heartbeat", .milliseconds(5))
    electionTimeout = try read.duration("raft.electionTimeout", .milliseconds(20))
    try read.check(
      "raft.electionTimeout", electionTimeout >= heartbeat * 4,
      "must be at least four times raft.heartbeat (\(heartbeat))")
    slowDisk = try read.duration("raft.slowDiskTimeout", .milliseconds(100))
    certificate = try read.file("tls.cert", "this node's certificate")
    key = try read.file("tls.key", "its private key")
    authority = try read.file("tls.ca", "the CA of your clients")
    revocations = values["tls.crl"].text.isEmpty ? nil : values["tls.crl"].text
    reload = try read.duration("tls.reload", .zero)
    try read.check(
      "tls.reload", reload == .zero || reload >= .milliseconds(100), "must be 0s or at least 100ms")
    minimumTLS = try read.choice("tls.minVersion", TLSContext.MinimumVersion.self)
    subject = try read.choice("auth.subject", PeerIdentity.SubjectSource.self)
    policy = try read.file("acl.policy", "the rules of who may do what")
    segmentBytes = try read.size("storage.segmentBytes", (1 << 20)...(1 << 32))
    room.low = try read.mark("storage.low", room.low)
    room.full = try read.mark("storage.full", room.full)
    scrubRate = try read.size("storage.scrubRate", 0...(1 << 40))
    retention = Retention(
      bytes: UInt64(try read.size("logs.retentionBytes", 0...(1 << 60))),
      age: try read.duration("logs.retentionAge", .zero).nanoseconds)
    recordBytes = try read.size("logs.maxRecordBytes", 1...(3 << 20))
    messageBytes = try read.size("limits.messageBytes", (64 << 10)...(12 << 20))
    connections = try read.integer("limits.connections", 1...1_000_000)
    streamsPerConnection = try read.integer("limits.streamsPerConnection", 1...100_000)
    consumerStall = try read.duration("limits.consumerStall", .seconds(1))
    reflection = try read.choice("rpc.reflection", ["on", "off"]) == "on"
    let levels = Logger.Level.allCases.map(\.rawValue)
    logLevel = Logger.Level(rawValue: try read.choice("log.level", levels)) ?? .info
    logFormat = try read.choice("log.format", LogFormat.self)
    drain = try read.duration("shutdown.drain", .zero)
    try read.check(
      "logs.maxRecordBytes", recordBytes <= messageBytes - (64 << 10),
      "must leave 64KiB of limits.messageBytes (\(messageBytes)) for the rest of a message")
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "-"):
      true
    default: false
    }
  }
}

extension AgentConfiguration {
  /// What `GetStatus` tells, by key: bytes, milliseconds or counts.
  var limits: [(String, UInt64)] {
    func milliseconds(_ duration: Duration) -> UInt64 { duration.nanoseconds / 1_000_000 }
    let space = DiskSpace(dataFolder).total
    return [
      ("logs.maxRecordBytes", UInt64(recordBytes)), ("limits.messageBytes", UInt64(messageBytes)),
      ("limits.connections", UInt64(connections)),
      ("limits.streamsPerConnection", UInt64(streamsPerConnection)),
      ("limits.consumerStall", milliseconds(consumerStall)),
      ("logs.retentionBytes", retention.bytes), ("logs.retentionAge", retention.age / 1_000_000),
      ("storage.segmentBytes", UInt64(segmentBytes)), ("storage.low", room.low.bytes(of: space)),
      ("storage.full", room.full.bytes(of: space)), ("storage.scrubRate", UInt64(scrubRate)),
      ("raft.heartbeat", milliseconds(heartbeat)),
      ("raft.electionTimeout", milliseconds(electionTimeout)),
      ("raft.slowDiskTimeout", milliseconds(slowDisk)), ("shutdown.drain", milliseconds(drain)),
    ]
  }
}

/// Reads single settings; an error names key, origin and remedy.
private struct Reader {
  let values: SettingValues

  func check(_ key: String, _ holds: Bool, _ message: String) throws(ConfigurationError) {
    guard !holds else { return }
    throw ConfigurationError("\(key) (\(values[key].origin)): \(message)")
  }

  private func wrong(_ key: String, _ expected: String) -> ConfigurationError {
    ConfigurationError(
      "\(key) (\(values[key].origin)): \"\(values[key].text)\" is not \(expected)")
  }

  func text(_ key: String) throws(ConfigurationError) -> String {
    let text = values[key].text
    guard !text.isEmpty else { throw wrong(key, "a value: it must not be empty") }
    return text
  }

  func file(_ key: String, _ what: String) throws(ConfigurationError) -> String {
    let path = values[key].text
    guard !path.isEmpty else {
      let flag = Setting.named(key)?.flag ?? key
      throw ConfigurationError(
        "\(key) is not set: name the file of \(what), for example with \(flag)")
    }
    return path
  }

  func integer(_ key: String, _ range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
    guard let number = Int(values[key].text), range.contains(number) else {
      throw wrong(key, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func size(_ key: String, _ range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
    guard let size = Units.parseSize(values[key].text), range.contains(size) else {
      throw wrong(
        key, "a size such as 64MiB, from \(range.lowerBound) to \(range.upperBound) bytes")
    }
    return size
  }

  /// A size, a percentage, or what is standard.
  func mark(_ key: String, _ standard: DiskMark) throws(ConfigurationError) -> DiskMark {
    let text = values[key].text
    if text.isEmpty { return standard }
    if text.hasSuffix("%") {
      guard let percent = Double(text.dropLast()), (0...50).contains(percent) else {
        throw wrong(key, "a percentage from 0% to 50%")
      }
      return DiskMark(share: percent / 100, mostBytes: .max)
    }
    guard let size = Units.parseSize(text), size >= 0 else {
      throw wrong(key, "a size such as 2GiB or a percentage such as 5%")
    }
    // However large: a disk that is smaller is full.
    return DiskMark(share: 1, mostBytes: UInt64(size))
  }

  func duration(_ key: String, _ least: Duration) throws(ConfigurationError) -> Duration {
    guard let duration = Units.parseDuration(values[key].text), duration >= least else {
      throw wrong(key, "a duration such as 500ms or 10min, at least \(least)")
    }
    return duration
  }

  func choice(_ key: String, _ choices: [String]) throws(ConfigurationError) -> String {
    let text = values[key].text
    guard choices.contains(text) else {
      throw wrong(key, "one of \(choices.joined(separator: ", "))")
    }
    return text
  }

  func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, _ type: Choice.Type
  ) throws(ConfigurationError) -> Choice {
    let text = try choice(key, Choice.allCases.map(\.rawValue))
    guard let choice = Choice(rawValue: text) else { throw wrong(key, "known") }
    return choice
  }

  func list(_ key: String) -> [String] {
    values[key].text.split(separator: ",").map { String($0.drop { $0 == " " }) }
  }

  func addresses(_ key: String) throws(ConfigurationError) -> [AgentConfiguration.Address] {
    var addresses: [AgentConfiguration.Address] = []
    for text in list(key) { addresses.append(try address(key, text, 1...65535)) }
    return addresses
  }

  func address(
    _ key: String, ports: ClosedRange<Int>
  ) throws(ConfigurationError) -> AgentConfiguration.Address {
    try address(key, values[key].text, ports)
  }

  private func address(
    _ key: String, _ text: String, _ ports: ClosedRange<Int>
  ) throws(ConfigurationError) -> AgentConfiguration.Address {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      ports.contains(port)
    else { throw wrong(key, "host:port, with a port from \(ports.lowerBound) to 65535") }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty else { throw wrong(key, "host:port: the host is missing") }
    return .init(host: host, port: port)
  }
}
