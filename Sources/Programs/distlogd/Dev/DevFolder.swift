import Foundation
import TLS

/// Why a folder does not serve for `distlogd dev`, in a sentence for people.
struct DevFolderError: Error, CustomStringConvertible {
  var description: String
}

/// What `distlogd dev` keeps in one folder: certificates, rules, and of each server its data and its log.
final class DevFolder {
  let path: String
  /// The servers' ids, which are also their certificates' names.
  let nodes: [String]
  /// Held as long as the process lives.
  private let lock: Int32

  private static let mostNodes = 7
  private static let usualNodes = 3
  /// A certificate that lasts no longer than this is made anew.
  private static let shortestRest: Int64 = 7 * 24 * 3600

  /// Makes the folder where there is none, and takes it for this process.
  init(_ path: String, nodes count: Int?) throws {
    let files = FileManager.default
    self.path = URL(fileURLWithPath: path).standardizedFileURL.path
    let there: Set<String>
    do {
      try files.createDirectory(
        atPath: self.path, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
      there = Set(try files.contentsOfDirectory(atPath: self.path))
    } catch {
      throw DevFolderError(
        description: "\(self.path) cannot be made or read: \(error.localizedDescription)"
          + " Name a folder that can be with --data")
    }
    guard there.isEmpty || there.contains("lock") else {
      throw DevFolderError(
        description: "\(self.path) holds other things; name a new or an empty folder with --data")
    }
    lock = open("\(self.path)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else {
      throw DevFolderError(
        description: "\(self.path)/lock cannot be opened: \(String(cString: strerror(errno)))")
    }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      throw DevFolderError(
        description: "a cluster of \(self.path) runs already; name another folder with --data")
    }
    let held = (1...Self.mostNodes).filter { there.contains("node\($0)") }.count
    guard let count, held > 0, count != held else {
      nodes = (1...(count ?? (held > 0 ? held : Self.usualNodes))).map { "node\($0)" }
      return
    }
    throw DevFolderError(
      description: "\(self.path) holds a cluster of \(held), not of \(count); leave --nodes out, or"
        + " name another folder with --data")
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }
  func certificate(_ name: String) -> String { file("certs/\(name).pem") }
  func key(_ name: String) -> String { file("certs/\(name)-key.pem") }

  /// Certificates that are missing, nearly expired or of another CA, and rules where there are none.
  func provide() throws {
    try FileManager.default.createDirectory(
      atPath: file("certs"), withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    let maker = try authority()
    for node in nodes where !isGood(node, isNode: true) {
      try publish(node, maker.make(node, .node))
    }
    for name in ["root", "nobody"] where !isGood(name, isNode: false) {
      try publish(name, maker.make(name, .client))
    }
    if !FileManager.default.fileExists(atPath: file("policy.csv")) {
      try replace(file("policy.csv"), with: Self.policy, mode: 0o644)
    }
  }

  private func authority() throws -> CertificateMaker {
    if isLasting("ca") {
      return CertificateMaker(
        authority: .init(
          certificate: try String(contentsOfFile: certificate("ca"), encoding: .utf8),
          key: try String(contentsOfFile: key("ca"), encoding: .utf8)))
    }
    let maker = try CertificateMaker()
    try publish("ca", maker.authority)
    return maker
  }

  private func isLasting(_ name: String) -> Bool {
    guard let file = try? CertificateFile(certificate(name)), file.fits(key: key(name)) == true
    else { return false }
    return file.details.identity.notAfter > Int64(Date().timeIntervalSince1970) + Self.shortestRest
  }

  private func isGood(_ name: String, isNode: Bool) -> Bool {
    guard isLasting(name), let file = try? CertificateFile(certificate(name)) else { return false }
    return (try? file.refusal(by: certificate("ca"), asServer: isNode)) == .some(nil)
  }

  /// The key first: a certificate beside an older key is seen not to fit, and is made again.
  private func publish(_ name: String, _ pair: CertificateMaker.Pair) throws {
    try replace(key(name), with: pair.key, mode: 0o600)
    try replace(certificate(name), with: pair.certificate, mode: 0o644)
  }

  /// The file has its name only when it is complete, and `mode` from its first byte.
  func replace(_ path: String, with text: String, mode: mode_t) throws {
    let new = path + ".new"
    unlink(new)
    let descriptor = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
      throw DevFolderError(
        description: "\(new) cannot be made: \(String(cString: strerror(errno)))")
    }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    try file.write(contentsOf: Data(text.utf8))
    try file.close()
    guard rename(new, path) == 0 else {
      throw DevFolderError(
        description: "\(path) cannot be replaced: \(String(cString: strerror(errno)))")
    }
  }

  private static let policy = """
    # Who may do what: p, subject (the certificate's CN), object (a log, * for all), action[, deny].
    # What is not allowed here is denied: nobody may do nothing. A change is in force within 2 s.
    p, root, *, produce
    p, root, *, consume
    p, root, *, describe
    p, root, *, create
    p, root, *, configure
    p, root, *, truncate
    p, root, *, delete
    p, root, *, cursor
    p, root, *, cluster.read
    p, root, *, cluster.admin
    p, root, *, backup
    p, root, *, metrics

    """
}
