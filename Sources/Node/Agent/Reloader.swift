import AccessControl
import Foundation
import Logging
import TLS

/// Watches the files of certificates and rules, and puts them in force when they change: on SIGHUP at once, else within
/// `tls.reload`.
///
/// A file that cannot be used keeps what is in force, and is complained of once for each state that it is seen in. Nothing
/// is written, so no crash can leave anything half done.
actor Reloader {
  /// What is done with what was read.
  struct Target: Sendable {
    var tls: @Sendable (TLSContext) -> Void
    /// As a client of the other servers.
    var peerTLS: @Sendable (TLSContext) -> Void
    var rules: @Sendable (Authorizer) -> Void
  }

  private let configuration: AgentConfiguration
  private let target: Target
  private let logger: Logger
  private var files: WatchedFiles
  /// What was seen last could not be used: it is tried again at each look, as the cause may have been a passing one.
  private var tlsFailure: String?
  private var rulesFailure: String?
  private var watch: Task<Void, Never>?

  init(
    _ configuration: AgentConfiguration, _ files: WatchedFiles, _ target: Target, _ logger: Logger
  ) {
    self.configuration = configuration
    self.target = target
    self.logger = logger
    self.files = files
  }

  /// Looks at the files again and again until `stop`.
  func start() {
    let interval = configuration.reload
    guard interval > .zero, watch == nil else { return }
    watch = Task { [weak self] in
      while !Task.isCancelled {
        try? await Task.sleep(for: interval)
        await self?.look()
      }
    }
  }

  func stop() {
    watch?.cancel()
    watch = nil
  }

  /// Reads the files that changed; all of them where `always` says so.
  func look(always: Bool = false) {
    let before = files
    // Of before the reading: what changes meanwhile is seen at the next look.
    files = WatchedFiles(configuration)
    if always || files.tls != before.tls || tlsFailure != nil { reloadTLS(always) }
    if always || files.rules != before.rules || rulesFailure != nil { reloadRules(always) }
  }

  private func reloadTLS(_ always: Bool) {
    do {
      let context = try Agent.tlsContext(configuration)
      let peers = try Agent.peerTLS(configuration)
      target.tls(context)
      target.peerTLS(peers)
      tlsFailure = nil
      logger.info(
        "certificates were reloaded",
        metadata: [
          "subject": "\(context.certificate?.subject ?? "")",
          "not_after": "\(Self.date(context.certificate?.notAfter ?? 0))",
        ])
    } catch {
      guard always || tlsFailure != "\(error)" else { return }
      tlsFailure = "\(error)"
      logger.error(
        "certificates were not reloaded: the old ones stay in force",
        metadata: ["error": "\(error)"])
    }
  }

  private func reloadRules(_ always: Bool) {
    do {
      let rules = try Agent.authorizer(configuration)
      try checkWhole()
      target.rules(rules)
      rulesFailure = nil
      logger.info("access rules were reloaded", metadata: ["file": "\(configuration.policy)"])
    } catch {
      guard always || rulesFailure != "\(error)" else { return }
      rulesFailure = "\(error)"
      logger.error(
        "access rules were not reloaded: the old ones stay in force",
        metadata: ["error": "\(error)"])
    }
  }

  /// A file that is just being written may lack the end of its last line, and with it the word deny.
  private func checkWhole() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: configuration.policy))
    guard bytes.last == UInt8(ascii: "\n") else {
      throw ConfigurationError(
        "\(configuration.policy): the last line has no end, as if it was still being written; "
          + "end it with a line feed, and put a finished file in place by renaming it")
    }
  }

  private static func date(_ seconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(seconds)).ISO8601Format()
  }
}

/// What tells one state of a file from another without reading it.
struct FileState: Equatable, Sendable {
  private var device: UInt = 0
  private var inode: UInt = 0
  private var size: Int = -1
  private var changed: Int = 0
  private var changedFraction: Int = 0

  init(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return }
    device = UInt(status.st_dev)
    inode = UInt(status.st_ino)
    size = Int(status.st_size)
    // The change time: unlike that of modification nobody can set it back.
    changed = Int(status.st_ctim.tv_sec)
    changedFraction = Int(status.st_ctim.tv_nsec)
  }
}

/// The states of all files that can be reloaded.
struct WatchedFiles: Sendable {
  let tls: [FileState]
  let rules: FileState

  init(_ configuration: AgentConfiguration) {
    let files = [configuration.certificate, configuration.key, configuration.authority]
    tls = (files + (configuration.revocations.map { [$0] } ?? [])).map(FileState.init)
    rules = FileState(configuration.policy)
  }
}
