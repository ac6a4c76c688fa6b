import TLS
import TestSupport
import Testing

@Suite struct FileTests {
  private let folder: TemporaryFolder
  private let files: TestCertificates.Files
  private let ca: String

  init() throws {
    folder = try TemporaryFolder()
    files = try Contexts.certificates.leaf("root")
    ca = try Contexts.certificates.authority().certificate
  }

  private func message(ca: String? = nil, certificate: String? = nil, key: String? = nil) -> String
  {
    do throws(TLSError) {
      _ = try TLSContext.client(
        ca: ca ?? self.ca, certificate: certificate ?? files.certificate, key: key ?? files.key)
      return "no error"
    } catch {
      return error.description
    }
  }

  @Test func `a missing file is named with what to do`() {
    #expect(
      message(ca: "/nowhere/ca.pem")
        == "CA file /nowhere/ca.pem does not exist; run `make certs` for a development set, "
        + "or name another with --ca (tls.ca)")
    #expect(message(certificate: "/nowhere/x.pem").hasPrefix("certificate file /nowhere/x.pem"))
    #expect(message(key: "/nowhere/x-key.pem").hasPrefix("key file /nowhere/x-key.pem does not"))
  }

  @Test func `a folder is no file`() {
    #expect(message(ca: folder.path).contains("is a folder"))
  }

  @Test func `a file without PEM is named`() throws {
    let junk = try folder.write("not PEM", to: "junk.pem")
    #expect(message(ca: junk).contains("\(junk) holds no certificate in PEM form"))
    #expect(message(certificate: junk).contains("\(junk) cannot be used"))
    #expect(message(key: junk).contains("\(junk) holds no usable private key"))
  }

  @Test func `a key of another certificate is refused with both names`() throws {
    let other = try Contexts.certificates.leaf("nobody")
    #expect(
      message(key: other.key)
        == "key file \(other.key) does not belong to the certificate in \(files.certificate); "
        + "give the key that the certificate was made with")
  }

  @Test func `a key that others can read is refused`() throws {
    let text = try Subprocess.check(["cat", files.key])
    let open = try folder.write(text, to: "open-key.pem", permissions: 0o644)
    #expect(
      message(key: open)
        == "key file \(open) is open to others (mode 0644); run `chmod 600 \(open)`")
    let grouped = try folder.write(text, to: "group-key.pem", permissions: 0o640)
    #expect(message(key: grouped) == "no error")
  }

  @Test func `an encrypted key is refused without asking for its password`() throws {
    let encrypted = folder.file("encrypted-key.pem")
    try Subprocess.check([
      "openssl", "pkey", "-in", files.key, "-aes256", "-passout", "pass:secret", "-out", encrypted,
    ])
    try Subprocess.check(["chmod", "600", encrypted])
    #expect(message(key: encrypted).contains("holds no usable private key"))
  }

  @Test func `the names of the own certificate are known`() throws {
    #expect(try Contexts.client().certificate?.commonName == "root")
    #expect(try Contexts.anonymousClient().certificate == nil)
  }
}
