internal import Foundation

/// Throw-away certificates, made by the openssl command in a temporary folder of their own.
///
/// A certificate's files are named by its request; one that was made before is not made again.
package final class TestCertificates: @unchecked Sendable {  // `lock` guards the folder
  /// What a certificate is good for (extended key usage).
  package enum Usage: String, Sendable {
    case server = "serverAuth"
    case client = "clientAuth"
    case node = "serverAuth, clientAuth"
    case email = "emailProtection"
  }

  /// When a certificate is valid.
  package enum Validity: String, Sendable {
    case now, expired, notYet

    /// OpenSSL's form of the first and the last instant.
    fileprivate var dates: (String, String) {
      switch self {
      case .now: ("20200101000000Z", "20991231235959Z")
      case .expired: ("20200101000000Z", "20200201000000Z")
      case .notYet: ("20990101000000Z", "20991231235959Z")
      }
    }
  }

  /// The PEM files of a certificate and its key.
  package struct Files: Sendable {
    package var certificate: String
    package var key: String

    package init(certificate: String, key: String) {
      self.certificate = certificate
      self.key = key
    }
  }

  /// One set for all tests of a process.
  package static let shared: Result<TestCertificates, any Error> = Result {
    // A static value is never released, so its folder is removed at the end of the process.
    atexit { if let made = try? TestCertificates.shared.get() { made.remove() } }
    return try TestCertificates()
  }

  private let folder: TemporaryFolder
  private let lock = NSLock()

  package init() throws { folder = try TemporaryFolder() }

  package var path: String { folder.path }

  private func remove() { try? FileManager.default.removeItem(atPath: folder.path) }

  /// The certificate and key of a CA.
  package func authority(_ name: String = "ca") throws -> Files {
    try lock.withLock { try lockedAuthority(name) }
  }

  /// A certificate signed by that CA; with alternative names for loopback unless told.
  package func leaf(
    _ name: String, usage: Usage = .client, validity: Validity = .now, authority: String = "ca",
    alternativeNames: String = "DNS:localhost, IP:127.0.0.1, IP:::1",
    key: String = "EC -pkeyopt ec_paramgen_curve:P-256"
  ) throws -> Files {
    try lock.withLock {
      let request = [name, usage.rawValue, validity.rawValue, authority, alternativeNames, key]
      let text = request.joined(separator: "_")
      let files = self.files("leaf-" + String(text.map { $0.isLetter || $0.isNumber ? $0 : "-" }))
      if FileManager.default.fileExists(atPath: files.certificate) { return files }
      _ = try lockedAuthority(authority)
      try newKey(files.key, key)
      try Subprocess.check([
        "openssl", "req", "-new", "-config", configuration(authority), "-key", files.key, "-subj",
        "/O=distlog test/CN=\(name)", "-out", files.key + ".csr",
      ])
      try folder.write(
        """
        basicConstraints = critical, CA:false
        keyUsage = critical, digitalSignature
        extendedKeyUsage = \(usage.rawValue)
        \(alternativeNames.isEmpty ? "" : "subjectAltName = " + alternativeNames)
        """, to: "extensions")
      try Subprocess.check([
        "openssl", "ca", "-batch", "-notext", "-config", configuration(authority), "-startdate",
        validity.dates.0, "-enddate", validity.dates.1, "-extfile", folder.file("extensions"),
        "-in", files.key + ".csr", "-out", files.certificate,
      ])
      return files
    }
  }

  private func lockedAuthority(_ name: String) throws -> Files {
    let files = self.files("authority-" + name)
    if FileManager.default.fileExists(atPath: files.certificate) { return files }
    try newKey(files.key, "EC -pkeyopt ec_paramgen_curve:P-256")
    try folder.write("", to: "database-\(name)")
    try folder.write(
      """
      [req]
      distinguished_name = subject
      [subject]
      [ca]
      default_ca = authority
      [authority]
      database = \(folder.file("database-\(name)"))
      new_certs_dir = \(folder.path)
      certificate = \(files.certificate)
      private_key = \(files.key)
      default_md = sha256
      policy = names
      rand_serial = yes
      unique_subject = no
      copy_extensions = none
      [names]
      organizationName = optional
      commonName = supplied
      """, to: "configuration-\(name)")
    try Subprocess.check([
      "openssl", "req", "-x509", "-new", "-config", configuration(name), "-key", files.key,
      "-subj", "/O=distlog test/CN=\(name)", "-days", "3650", "-addext",
      "basicConstraints=critical,CA:true", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
      "-out", files.certificate,
    ])
    return files
  }

  private func newKey(_ path: String, _ algorithm: String) throws {
    try Subprocess.check(
      ["openssl", "genpkey", "-out", path, "-algorithm"]
        + algorithm.split(separator: " ").map(String.init))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
  }

  private func configuration(_ authority: String) -> String {
    folder.file("configuration-\(authority)")
  }

  private func files(_ name: String) -> Files {
    Files(certificate: folder.file(name + ".pem"), key: folder.file(name + "-key.pem"))
  }
}
