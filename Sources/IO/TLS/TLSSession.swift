internal import COpenSSL

/// One TLS connection without its socket: ciphertext in, plaintext out, and back.
///
/// Used on one thread at a time. After any call there may be ciphertext to send (`pendingBytes`), also after
/// one that threw: the alert that tells the peer why.
package final class TLSSession {
  package enum Role: Sendable {
    case server
    /// The name or address that the server's certificate must be valid for.
    case client(serverName: String)
  }

  package enum State: Equatable, Sendable {
    case handshaking
    case established
    /// The peer sent close_notify: nothing more will come, sending is still possible.
    case closedByPeer
    case failed(TLSError)
  }

  /// The most plaintext that one TLS record holds (RFC 8446 section 5.1).
  package static let maxRecordBytes = 16384
  private static let maxRecordOverhead = 32

  package let context: TLSContext
  /// Who is at the other end, for messages: `host:port`.
  package let peer: String
  package private(set) var state = State.handshaking
  /// The verified certificate of the peer; nil before the handshake ends, or when a client may have none.
  package private(set) var peerIdentity: PeerIdentity?

  private let isServer: Bool
  private let ssl: OpaquePointer
  private let wire: UnsafeMutablePointer<TLSWire>
  private var refusal: TLSError?

  package init(_ context: TLSContext, role: Role, peer: String) throws(TLSError) {
    ERR_clear_error()
    guard let ssl = SSL_new(context.pointer) else { throw .setup(OpenSSLError.takeText()) }
    wire = .allocate(capacity: 1)
    wire.initialize(to: TLSWire())
    self.context = context
    self.peer = peer
    self.ssl = ssl
    if case .server = role { isServer = true } else { isServer = false }
    guard let bio = TLSWireMethod.shared.makeBIO(wire) else {
      throw .setup(OpenSSLError.takeText())
    }
    SSL_set_bio(ssl, bio, bio)
    SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
    switch role {
    case .server: SSL_set_accept_state(ssl)
    case .client(let name):
      SSL_set_connect_state(ssl)
      try expect(serverName: name)
    }
  }

  deinit {
    SSL_free(ssl)
    wire.pointee.releaseSpill()
    wire.deinitialize(count: 1)
    wire.deallocate()
  }

  /// TLS version and cipher, for logs: `TLSv1.3 TLS_AES_128_GCM_SHA256`.
  package var summary: String {
    let cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { String(cString: $0) }
    return "\(String(cString: SSL_get_version(ssl))) \(cipher ?? "")"
  }

  /// Makes a client's first message. A server waits and needs no call.
  package func start() throws(TLSError) { try handshake() }

  /// Takes all of `ciphertext` and gives its plaintext to `deliver`, through `scratch`.
  ///
  /// `scratch` holds at least one record; with room for more, `deliver` gets several at once.
  /// What was decrypted before an error is delivered before it is thrown.
  package func receive(
    _ ciphertext: UnsafeRawBufferPointer, scratch: UnsafeMutableRawBufferPointer,
    _ deliver: (UnsafeRawBufferPointer) -> Void
  ) throws(TLSError) {
    precondition(scratch.count >= Self.maxRecordBytes, "scratch of \(scratch.count) bytes")
    if case .failed = state { throw .closed(peer: peer) }
    if state == .closedByPeer { return }
    wire.pointee.input = ciphertext.baseAddress
    wire.pointee.inputCount = ciphertext.count
    defer {
      wire.pointee.input = nil
      wire.pointee.inputCount = 0
    }
    if state == .handshaking { try handshake() }
    if state == .established { try readRecords(scratch, deliver) }
  }

  private func readRecords(
    _ scratch: UnsafeMutableRawBufferPointer, _ deliver: (UnsafeRawBufferPointer) -> Void
  ) throws(TLSError) {
    var filled = 0
    ERR_clear_error()
    while true {
      var count = 0
      let result = SSL_read_ex(
        ssl, scratch.baseAddress.map { $0 + filled }, scratch.count - filled, &count)
      guard result == 1 else { break }
      filled += count
      if scratch.count - filled < Self.maxRecordBytes {
        deliver(UnsafeRawBufferPointer(rebasing: scratch[..<filled]))
        filled = 0
        if case .failed = state { return }
      }
    }
    let reason = SSL_get_error(ssl, 0)
    if filled > 0 { deliver(UnsafeRawBufferPointer(rebasing: scratch[..<filled])) }
    switch reason {
    case SSL_ERROR_WANT_READ: return
    case SSL_ERROR_ZERO_RETURN: state = .closedByPeer
    default: throw fail()
    }
  }

  /// Encrypts all of `plaintext` and writes ciphertext to `output`, after what was pending; returns the bytes
  /// written. What does not fit stays pending: give `maxCiphertextBytes` to have it all.
  package func write(
    _ plaintext: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(TLSError) -> Int {
    switch state {
    case .handshaking: preconditionFailure("write before the handshake of \(peer) is done")
    case .failed: throw .closed(peer: peer)
    case .established, .closedByPeer: break
    }
    let drained = wire.pointee.drain(into: output)
    guard plaintext.count > 0 else { return drained }
    wire.pointee.output = output.baseAddress.map { $0 + drained }
    wire.pointee.outputCount = output.count - drained
    var taken = 0
    ERR_clear_error()
    let result = SSL_write_ex(ssl, plaintext.baseAddress, plaintext.count, &taken)
    let written = output.count - wire.pointee.outputCount
    wire.pointee.output = nil
    wire.pointee.outputCount = 0
    guard result == 1 else { throw fail() }
    return written
  }

  /// Room that `write` needs for this much plaintext, pending ciphertext included.
  package func maxCiphertextBytes(for plaintextBytes: Int) -> Int {
    let records = plaintextBytes / Self.maxRecordBytes + 1
    return plaintextBytes + records * Self.maxRecordOverhead + pendingBytes
  }

  /// Ciphertext waiting to be sent: handshake messages, alerts, what did not fit.
  package var pendingBytes: Int { wire.pointee.spillCount }

  /// Moves pending ciphertext to `output`; returns the bytes moved.
  package func takePending(into output: UnsafeMutableRawBufferPointer) -> Int {
    wire.pointee.drain(into: output)
  }

  /// Says that nothing more will be sent (close_notify, pending afterwards).
  package func close() {
    if state == .handshaking { return }
    if case .failed = state { return }
    ERR_clear_error()
    SSL_shutdown(ssl)
    ERR_clear_error()
  }

  /// Call when the socket ended; nil when the peer had said so in TLS before.
  package func receivedEnd() -> TLSError? {
    switch state {
    case .closedByPeer: return nil
    case .failed(let error): return error
    case .handshaking, .established:
      let error = TLSError.truncated(peer: peer, duringHandshake: state == .handshaking)
      state = .failed(error)
      return error
    }
  }
}

// MARK: - Handshake

extension TLSSession {
  /// The session behind an `SSL *`, in a callback.
  static func of(_ ssl: OpaquePointer?) -> TLSSession? {
    guard let raw = SSL_get_ex_data(ssl, 0) else { return nil }
    return Unmanaged<TLSSession>.fromOpaque(raw).takeUnretainedValue()
  }

  /// The name must stand in the certificate's alternative names; its CN does not count (RFC 9525).
  private func expect(serverName name: String) throws(TLSError) {
    SSL_set_hostflags(
      ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
    if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1 { return }
    ERR_clear_error()
    guard SSL_set1_host(ssl, name) == 1, cossl_set_server_name(ssl, name) == 1 else {
      ERR_clear_error()
      throw .setup("\"\(name)\" is not a host name")
    }
  }

  private func handshake() throws(TLSError) {
    ERR_clear_error()
    let result = SSL_do_handshake(ssl)
    guard result == 1 else {
      if SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ { return }
      throw fail()
    }
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &count)
    let selected = UnsafeBufferPointer(start: name, count: Int(count))
    guard context.protocols.contains(where: { selected.elementsEqual($0.utf8) }) else {
      noteNoCommonProtocol()
      SSL_shutdown(ssl)
      throw fail()
    }
    if let certificate = SSL_get1_peer_certificate(ssl) {
      peerIdentity = PeerIdentity(x509: certificate)
      X509_free(certificate)
    }
    state = .established
  }

  func noteNoCommonProtocol() {
    refusal = .noCommonProtocol(
      peer: peer, expected: context.protocols.joined(separator: " or "))
  }

  func noteRefusal(code: Int32, depth: Int32, certificate: PeerIdentity?) {
    guard refusal == nil else { return }
    var reason = VerifyText.reason(
      code: code, notBefore: certificate?.notBefore ?? 0, notAfter: certificate?.notAfter ?? 0,
      issuer: certificate?.issuer ?? "unknown", role: isServer ? "a client" : "a server")
    // Of a CA that came along and is not known there is nothing more to say.
    if depth > 0, code != X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, let certificate {
      reason = "is signed by \(certificate.subject), which \(reason)"
    }
    refusal = .certificateRefused(peer: peer, code: code, reason: reason)
  }

  /// What OpenSSL's oldest error means here; the session is unusable afterwards.
  private func fail() -> TLSError {
    let code = ERR_peek_error()
    ERR_clear_error()
    let error = refusal ?? meaning(of: code)
    state = .failed(error)
    return error
  }

  private func meaning(of code: UInt) -> TLSError {
    let reason = cossl_error_reason(code)
    if cossl_error_library(code) == ERR_LIB_SSL {
      switch reason {
      case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return .noCertificate(peer: peer)
      case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_WRONG_VERSION_NUMBER:
        return .notTLS(peer: peer)
      case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW: return .versionTooOld(peer: peer)
      case SSL_AD_REASON_OFFSET..<(SSL_AD_REASON_OFFSET + 256):
        let alert = UInt8(truncatingIfNeeded: reason - SSL_AD_REASON_OFFSET)
        let name = String(cString: SSL_alert_desc_string_long(Int32(alert)))
        return .alertReceived(peer: peer, alert: alert, name: name)
      default: break
      }
    }
    return .protocolViolation(peer: peer, OpenSSLError.text(of: code))
  }
}

extension TLSSession {
  /// Judges the peer's certificate once more, by another context: its CA, its revocation lists, the time of now. nil where
  /// it passes, or the peer showed none.
  package func judgePeerAgain(by context: TLSContext) -> TLSError? {
    guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
    defer { X509_free(certificate) }
    guard let store = X509_STORE_CTX_new() else { return .setup(OpenSSLError.takeText()) }
    defer {
      X509_STORE_CTX_free(store)
      ERR_clear_error()
    }
    let roots = SSL_CTX_get_cert_store(context.pointer)
    guard X509_STORE_CTX_init(store, roots, certificate, SSL_get_peer_cert_chain(ssl)) == 1 else {
      return .setup(OpenSSLError.takeText())
    }
    X509_STORE_CTX_set_default(store, isServer ? "ssl_client" : "ssl_server")
    guard X509_verify_cert(store) != 1 else { return nil }
    let code = X509_STORE_CTX_get_error(store)
    let bad = X509_STORE_CTX_get_current_cert(store).map { PeerIdentity(x509: $0) }
    let reason = VerifyText.reason(
      code: code, notBefore: bad?.notBefore ?? 0, notAfter: bad?.notAfter ?? 0,
      issuer: bad?.issuer ?? "unknown", role: isServer ? "a client" : "a server")
    return .certificateRefused(peer: peer, code: code, reason: reason)
  }
}
