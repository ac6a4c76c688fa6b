import ArgumentParser
import ClientProgram
import Glibc
import TLS

/// Looks at certificate files.
struct CertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cert", abstract: "Look at certificate files; asks no server.",
    subcommands: [CertShowCommand.self, CertCheckCommand.self])
}

struct CertShowCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print what a certificate says.")

  @OptionGroup var connection: ConnectionOptions
  @Argument(help: "A PEM file.")
  var file: String

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    let details = try CertificateText.read(file).details
    try context.show(
      json: CertificateText.json(details).text, table: CertificateText.table(details))
  }
}

struct CertCheckCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract:
      "Judge a certificate: dates, use, strength; with --ca, --key and --host also signer, key and name.",
    discussion: "Exits 0 when it is good, 10 when it is not, 78 when the file is no certificate.")

  @OptionGroup var connection: ConnectionOptions
  @Argument(help: "A PEM file.")
  var file: String
  @Flag(help: "As a server's certificate (default: a client's).")
  var server = false
  @Option(
    help: ArgumentHelp(
      "A name that clients dial: it must be among the certificate's.", valueName: "host"))
  var host: String?
  @Option(help: ArgumentHelp("Bad when fewer days than this are left.", valueName: "n"))
  var days: Int = 14

  @MainActor
  func run(_ context: VerbContext) async throws(ProgramFailure) {
    let found = try CertificateText.read(file)
    let faults = try faults(found)
    var object = JSONObject()
    object.set("good", faults.isEmpty)
    object.set("file", file)
    object.set(
      "faults",
      faults.map { fault in
        var one = JSONObject()
        one.set("what", fault)
        return one
      })
    let text = faults.map { "bad: \(file) \($0)\n" }.joined()
    try context.show(json: object.text, table: faults.isEmpty ? "good: \(file)\n" : text)
    if !faults.isEmpty {
      throw ProgramFailure(
        .unhealthy, code: "BAD_CERTIFICATE",
        "\(file) is not good for \(server ? "a server" : "a client")")
    }
  }

  private func faults(_ found: CertificateFile) throws(ProgramFailure) -> [String] {
    let details = found.details
    let identity = details.identity
    let now = Int64(time(nil))
    var faults: [String] = []
    if identity.notAfter < now { faults.append("has expired on \(identity.notAfter.asTime)") }
    if identity.notBefore > now {
      faults.append("is not valid before \(identity.notBefore.asTime)")
    }
    let left = (identity.notAfter - now) / 86_400
    if identity.notAfter >= now, left < Int64(days) {
      faults.append("expires in \(left) days, on \(identity.notAfter.asTime)")
    }
    if !(server ? details.isForServers : details.isForClients) {
      faults.append("is not meant for \(server ? "servers" : "clients") (extended key usage)")
    }
    if details.isAuthority { faults.append("is a CA's; give the certificate that it signed") }
    if details.securityBits < 112 { faults.append("has a key that is too weak (\(details.key))") }
    if details.signature.lowercased().contains("sha1")
      || details.signature.lowercased().contains("md5")
    {
      faults.append("is signed with a hash that is too weak (\(details.signature))")
    }
    if !server, identity.commonName == nil {
      faults.append("has no single common name, which access rules know a client by")
    }
    if let host, !found.isFor(host: host) {
      faults.append("is not valid for \(host), only for \(CertificateText.names(identity))")
    }
    if let key = connection.key {
      switch found.fits(key: key) {
      case true?: break
      case false?: faults.append("does not belong to the key in \(key)")
      case nil:
        faults.append("cannot be compared with \(key), which holds no unencrypted private key")
      }
    }
    if let ca = connection.ca {
      do {
        if let refusal = try found.refusal(by: ca, asServer: server) { faults.append(refusal) }
      } catch {
        throw ProgramFailure(.configuration, code: "BAD_CERTIFICATE_FILE", "\(error)")
      }
    }
    return faults
  }
}

/// A certificate as people and programs read it.
enum CertificateText {
  static func read(_ file: String) throws(ProgramFailure) -> CertificateFile {
    guard access(file, R_OK) == 0 else { throw .io("\(file) cannot be read", errno: errno) }
    do {
      return try CertificateFile(file)
    } catch {
      throw ProgramFailure(.configuration, code: "BAD_CERTIFICATE_FILE", "\(error)")
    }
  }

  static func names(_ identity: PeerIdentity) -> String {
    let all = identity.dnsNames + identity.ipAddresses + identity.uriNames
    return all.isEmpty ? "no name" : all.joined(separator: ", ")
  }

  private static func uses(_ details: CertificateDetails) -> String {
    let uses = [
      details.isForServers ? "server" : nil, details.isForClients ? "client" : nil,
      details.isAuthority ? "CA" : nil,
    ].compactMap { $0 }
    return uses.isEmpty ? "none" : uses.joined(separator: ", ")
  }

  static func table(_ details: CertificateDetails) -> String {
    let identity = details.identity
    var table = Table([("FIELD", .left), ("VALUE", .left)])
    table.add(["subject", identity.subject])
    table.add(["common name", identity.commonName ?? "none"])
    table.add(["issuer", identity.issuer])
    table.add(["names", names(identity)])
    table.add(["valid from", identity.notBefore.asTime])
    table.add(["valid until", "\(identity.notAfter.asTime) (\(daysLeft(identity)) days left)"])
    table.add(["use", uses(details)])
    table.add(["key", details.key])
    table.add(["signature", details.signature])
    table.add(["serial", identity.serialNumber])
    table.add(["SHA-256", details.fingerprint])
    table.add(["chain", "\(details.chainLength) more certificates in the file"])
    return table.text
  }

  static func json(_ details: CertificateDetails) -> JSONObject {
    let identity = details.identity
    var object = JSONObject()
    object.set("subject", identity.subject)
    object.set("commonName", identity.commonName ?? "")
    object.set("issuer", identity.issuer)
    object.set("names", names(identity))
    object.set("notBefore", identity.notBefore.asTime)
    object.set("notAfter", identity.notAfter.asTime)
    object.set("daysLeft", Int(daysLeft(identity)))
    object.set("use", uses(details))
    object.set("key", details.key)
    object.set("signature", details.signature)
    object.set("serial", identity.serialNumber)
    object.set("sha256", details.fingerprint)
    object.set("chain", details.chainLength)
    return object
  }

  private static func daysLeft(_ identity: PeerIdentity) -> Int64 {
    (identity.notAfter - Int64(time(nil))) / 86_400
  }
}
