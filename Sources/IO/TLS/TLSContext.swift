internal import COpenSSL

/// Certificates and rules for many sessions: one side's chain and key, the CA it trusts, TLS 1.2 and up.
///
/// Immutable after it is made, so any number of threads make sessions from it. Rotation makes a new one.
package final class TLSContext: @unchecked Sendable {  // SSL_CTX counts its references with locks
  package enum MinimumVersion: String, Sendable, CaseIterable {
    case tls12 = "1.2"
    case tls13 = "1.3"
  }

  /// Whether a server lets in a client that shows no certificate. One that is shown must be good.
  package enum ClientAuthentication: String, Sendable, CaseIterable {
    case require
    case optional
  }

  let pointer: OpaquePointer
  /// The application protocols offered or accepted, best first.
  package let protocols: [String]
  /// Whom this side's certificate names; nil for a client without one.
  package let certificate: PeerIdentity?

  /// The linked library as it names itself, such as "OpenSSL 3.0.17 1 Jul 2025".
  package static var libraryVersion: String { String(cString: OpenSSL_version(OPENSSL_VERSION)) }

  /// Whether clients take this side's certificate for a server's (its extended key usage, RFC 5280
  /// section 4.2.1.12).
  package var isForServers: Bool {
    guard let certificate = SSL_CTX_get0_certificate(pointer) else { return false }
    return X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0) == 1
  }

  /// What a server shows and demands. Files are PEM; the certificate file may hold a chain.
  ///
  /// `crl` holds the revocation lists (RFC 5280 section 5) of every CA in `ca`: a client whose CA has none there, or only one
  /// that has expired, is refused, as nobody can say that it was not revoked.
  package static func server(
    certificate: String, key: String, ca: String, crl: String? = nil,
    minimumVersion: MinimumVersion = .tls12, clientAuth: ClientAuthentication = .require,
    protocols: [String] = ["h2"]
  ) throws(TLSError) -> TLSContext {
    let context = try TLSContext(
      TLS_server_method(), ca: ca, certificate: certificate, key: key,
      minimumVersion: minimumVersion, protocols: protocols)
    if let crl { try TLSFiles.loadRevocations(crl, into: context.pointer) }
    let mode = clientAuth == .require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0
    SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER | mode, VerifyCallback.function)
    SSL_CTX_set_client_hello_cb(context.pointer, ProtocolChoice.helloFunction, nil)
    SSL_CTX_set_alpn_select_cb(context.pointer, ProtocolChoice.selectFunction, nil)
    // Names of acceptable CAs help a client that has several certificates to choose.
    SSL_CTX_set_client_CA_list(context.pointer, SSL_load_client_CA_file(ca))
    return context
  }

  /// What a client shows (nothing without a certificate) and whom it trusts.
  package static func client(
    ca: String, certificate: String? = nil, key: String? = nil,
    minimumVersion: MinimumVersion = .tls12, protocols: [String] = ["h2"]
  ) throws(TLSError) -> TLSContext {
    let context = try TLSContext(
      TLS_client_method(), ca: ca, certificate: certificate, key: key,
      minimumVersion: minimumVersion, protocols: protocols)
    SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER, VerifyCallback.function)
    let offer = ProtocolChoice.wireFormat(protocols)
    guard SSL_CTX_set_alpn_protos(context.pointer, offer, UInt32(offer.count)) == 0 else {
      throw .setup("the ALPN list was refused")
    }
    return context
  }

  private init(
    _ method: OpaquePointer?, ca: String, certificate: String?, key: String?,
    minimumVersion: MinimumVersion, protocols: [String]
  ) throws(TLSError) {
    ERR_clear_error()
    guard let method, let pointer = SSL_CTX_new(method) else {
      throw .setup(OpenSSLError.takeText())
    }
    self.pointer = pointer
    self.protocols = protocols
    do {
      try Self.setRules(pointer, minimumVersion)
      try TLSFiles.loadAuthority(ca, into: pointer)
      self.certificate = try TLSFiles.loadCertificate(certificate, key: key, into: pointer)
    } catch {
      SSL_CTX_free(pointer)
      throw error
    }
  }

  deinit { SSL_CTX_free(pointer) }

  private static func setRules(
    _ pointer: OpaquePointer, _ minimumVersion: MinimumVersion
  ) throws(TLSError) {
    let version = minimumVersion == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
    // Level 2: no RSA below 2048 bits, no SHA-1 signatures. AES-128 first: as safe, a third faster.
    SSL_CTX_set_security_level(pointer, 2)
    cossl_set_modes(pointer)
    cossl_set_options(pointer)
    guard cossl_set_min_version(pointer, version) == 1,
      SSL_CTX_set_cipher_list(pointer, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1,
      SSL_CTX_set_ciphersuites(
        pointer,
        "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1
    else { throw .setup(OpenSSLError.takeText()) }
  }
}
