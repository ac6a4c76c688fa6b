import TLS
import TestSupport

/// A client and a server session joined in memory.
final class SessionPair {
  let client: TLSSession
  let server: TLSSession
  private(set) var clientError: TLSError?
  private(set) var serverError: TLSError?
  /// The plaintext that each side received.
  private(set) var clientReceived: [UInt8] = []
  private(set) var serverReceived: [UInt8] = []
  private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
  /// Ciphertext is handed over in pieces of this size.
  var pieceBytes = Int.max

  init(
    client: TLSContext, server: TLSContext, serverName: String = "localhost"
  ) throws {
    self.client = try TLSSession(
      client, role: .client(serverName: serverName), peer: "\(serverName):8400")
    self.server = try TLSSession(server, role: .server, peer: "10.0.0.9:50000")
  }

  deinit { scratch.deallocate() }

  /// Runs the handshake until neither side has anything to say.
  func shakeHands() throws {
    try client.start()
    exchange()
  }

  /// Carries pending bytes both ways until there are none.
  func exchange() {
    while true {
      let toServer = takePending(of: client)
      let toClient = takePending(of: server)
      if toServer.isEmpty && toClient.isEmpty { return }
      giveServer(toServer)
      giveClient(toClient)
    }
  }

  func giveServer(_ bytes: [UInt8]) {
    guard serverError == nil else { return }
    do throws(TLSError) { serverReceived += try receive(bytes, server) } catch {
      serverError = error
    }
  }

  func giveClient(_ bytes: [UInt8]) {
    guard clientError == nil else { return }
    do throws(TLSError) { clientReceived += try receive(bytes, client) } catch {
      clientError = error
    }
  }

  func takePending(of session: TLSSession) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: session.pendingBytes) { buffer, count in
      count = session.takePending(into: UnsafeMutableRawBufferPointer(buffer))
    }
  }

  func encrypt(_ bytes: [UInt8], _ session: TLSSession) throws -> [UInt8] {
    let capacity = session.maxCiphertextBytes(for: bytes.count)
    var output = [UInt8](repeating: 0, count: capacity)
    let written = try output.withUnsafeMutableBytes { target in
      try bytes.withUnsafeBytes { try session.write($0, into: target) }
    }
    return Array(output[..<written])
  }

  private func receive(_ bytes: [UInt8], _ session: TLSSession) throws(TLSError) -> [UInt8] {
    var plaintext: [UInt8] = []
    var position = 0
    while position < bytes.count {
      let end = pieceBytes < bytes.count - position ? position + pieceBytes : bytes.count
      let piece = Array(bytes[position..<end])
      position = end
      let result = piece.withUnsafeBytes { input in
        Result { () throws(TLSError) in
          try session.receive(input, scratch: scratch) { plaintext += Array($0) }
        }
      }
      try result.get()
    }
    return plaintext
  }
}

/// Contexts over the throw-away certificates.
enum Contexts {
  static var certificates: TestCertificates {
    get throws { try TestCertificates.shared.get() }
  }

  static func server(
    _ files: TestCertificates.Files? = nil, ca: String = "ca",
    clientAuth: TLSContext.ClientAuthentication = .require,
    minimumVersion: TLSContext.MinimumVersion = .tls12, protocols: [String] = ["h2"]
  ) throws -> TLSContext {
    let files = try files ?? certificates.leaf("node1", usage: .node)
    return try TLSContext.server(
      certificate: files.certificate, key: files.key, ca: certificates.authority(ca).certificate,
      minimumVersion: minimumVersion, clientAuth: clientAuth, protocols: protocols)
  }

  static func client(
    _ files: TestCertificates.Files? = nil, ca: String = "ca", protocols: [String] = ["h2"]
  ) throws -> TLSContext {
    let files = try files ?? certificates.leaf("root")
    return try TLSContext.client(
      ca: certificates.authority(ca).certificate, certificate: files.certificate, key: files.key,
      protocols: protocols)
  }

  static func anonymousClient() throws -> TLSContext {
    try TLSContext.client(ca: certificates.authority().certificate)
  }
}
