import AccessControl
import CommitLog
import Foundation
import GRPCWire
import LogAPI
import Logging
import RPC
import TLS

/// What the agent makes of its configuration.
extension Agent {
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

  /// The same files, as this server shows them to the others.
  static func peerTLS(_ configuration: AgentConfiguration) throws -> TLSContext {
    try TLSContext.client(
      ca: configuration.authority, certificate: configuration.certificate, key: configuration.key)
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

  static func logOptions(
    _ configuration: AgentConfiguration, _ logger: Logger
  ) -> CommitLog.Options {
    var options = CommitLog.Options()
    options.segmentBytes = configuration.segmentBytes
    options.retention = configuration.retention
    options.note = { note in
      logger.warning("the log was repaired", metadata: ["note": "\(note)"])
    }
    return options
  }

  static func reflection(_ configuration: AgentConfiguration) throws -> [RPCMethod] {
    guard configuration.reflection, let descriptors = Base64.decode(PublishedDescriptors.base64)
    else { return [] }
    return try ReflectionService(descriptors: descriptors).methods
  }

  /// When a data folder was made, nanoseconds since 1970: its identity is written once.
  static func creationTime(of folder: String) -> UInt64 {
    var status = stat()
    guard stat("\(folder)/identity", &status) == 0 else { return 0 }
    return UInt64(status.st_mtim.tv_sec) * 1_000_000_000 + UInt64(status.st_mtim.tv_nsec)
  }

  /// Nanoseconds since 1970.
  @Sendable static func wallClock() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// The names that certificates of a cluster's nodes bear.
struct PeerNames: Sendable {
  private let names: [String]

  /// - Parameter own: this node's, which counts where no others are given.
  init(_ names: [String], own: String?) {
    self.names = names.isEmpty ? own.map { [$0] } ?? [] : names
  }

  /// Whether `name` is one of them; a `*` at the end of one stands for anything.
  func fit(_ name: String?) -> Bool {
    guard let name, !name.isEmpty else { return false }
    return names.contains { pattern in
      pattern.hasSuffix("*") ? name.hasPrefix(pattern.dropLast()) : name == pattern
    }
  }
}
