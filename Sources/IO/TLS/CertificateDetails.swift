internal import COpenSSL

/// All that a certificate file tells about its first certificate, for people.
package struct CertificateDetails: Sendable {
  package var identity: PeerIdentity
  /// Such as "EC 256 bits".
  package var key: String
  /// Bits that an attack on the key has to get through (NIST SP 800-57).
  package var securityBits: Int
  package var signature: String
  package var isForServers: Bool
  package var isForClients: Bool
  package var isAuthority: Bool
  /// SHA-256 of the certificate, hexadecimal with colons.
  package var fingerprint: String
  /// Certificates behind the first one.
  package var chainLength: Int
}

/// A certificate file, judged without a connection.
package final class CertificateFile {
  package let path: String
  private let certificates: [OpaquePointer]
  private var certificate: OpaquePointer { certificates[0] }

  package init(_ path: String) throws(TLSError) {
    self.path = path
    guard let file = BIO_new_file(path, "r") else {
      ERR_clear_error()
      throw .file(
        path: "certificate file \(path)", problem: "cannot be opened",
        remedy: "name a PEM file that is there and may be read")
    }
    defer { BIO_free_all(file) }
    var found: [OpaquePointer] = []
    while let next = PEM_read_bio_X509(file, nil, nil, nil) { found.append(next) }
    ERR_clear_error()
    certificates = found
    guard !found.isEmpty else {
      throw .file(
        path: "certificate file \(path)", problem: "holds no certificate in PEM form",
        remedy: "name the certificate, not its key or request")
    }
  }

  deinit { for certificate in certificates { X509_free(certificate) } }

  package var details: CertificateDetails {
    let key = X509_get0_pubkey(certificate)
    let type = EVP_PKEY_get0_type_name(key).map { String(cString: $0) } ?? "unknown"
    let name = OBJ_nid2ln(X509_get_signature_nid(certificate)).map { String(cString: $0) }
    return CertificateDetails(
      identity: PeerIdentity(x509: certificate), key: "\(type) \(EVP_PKEY_get_bits(key)) bits",
      securityBits: Int(EVP_PKEY_get_security_bits(key)), signature: name ?? "unknown",
      isForServers: X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0) == 1,
      isForClients: X509_check_purpose(certificate, X509_PURPOSE_SSL_CLIENT, 0) == 1,
      isAuthority: X509_check_ca(certificate) > 0, fingerprint: fingerprint,
      chainLength: certificates.count - 1)
  }

  private var fingerprint: String {
    var bytes = [UInt8](repeating: 0, count: 32)
    var count: UInt32 = 32
    guard X509_digest(certificate, EVP_sha256(), &bytes, &count) == 1 else { return "" }
    return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
      .joined(separator: ":")
  }

  /// Why the CAs in the file `ca` do not vouch for it at this time; nil where they do.
  package func refusal(by ca: String, asServer: Bool) throws(TLSError) -> String? {
    guard let roots = X509_STORE_new() else { throw .setup(OpenSSLError.takeText()) }
    defer { X509_STORE_free(roots) }
    guard X509_STORE_load_file(roots, ca) == 1 else {
      ERR_clear_error()
      throw .file(
        path: "CA file \(ca)", problem: "cannot be read, or holds no certificate in PEM form",
        remedy: "give the certificate of the CA")
    }
    guard let store = X509_STORE_CTX_new(), let chain = OPENSSL_sk_new_null() else {
      throw .setup(OpenSSLError.takeText())
    }
    defer {
      X509_STORE_CTX_free(store)
      OPENSSL_sk_free(chain)
      ERR_clear_error()
    }
    for next in certificates.dropFirst() { OPENSSL_sk_push(chain, UnsafeRawPointer(next)) }
    guard X509_STORE_CTX_init(store, roots, certificate, chain) == 1 else {
      throw .setup(OpenSSLError.takeText())
    }
    X509_STORE_CTX_set_default(store, asServer ? "ssl_server" : "ssl_client")
    guard X509_verify_cert(store) != 1 else { return nil }
    let bad = X509_STORE_CTX_get_current_cert(store).map { PeerIdentity(x509: $0) }
    return VerifyText.reason(
      code: X509_STORE_CTX_get_error(store), notBefore: bad?.notBefore ?? 0,
      notAfter: bad?.notAfter ?? 0, issuer: bad?.issuer ?? "unknown",
      role: asServer ? "a server" : "a client")
  }

  /// Whether the private key in the file `key` belongs to it; nil where there is no key that can be read.
  package func fits(key path: String) -> Bool? {
    guard let file = BIO_new_file(path, "r") else {
      ERR_clear_error()
      return nil
    }
    defer {
      BIO_free_all(file)
      ERR_clear_error()
    }
    // A password is never asked for.
    guard let key = PEM_read_bio_PrivateKey(file, nil, { _, _, _, _ in -1 }, nil) else {
      return nil
    }
    defer { EVP_PKEY_free(key) }
    return X509_check_private_key(certificate, key) == 1
  }

  /// Whether a client that dials `host` takes it: by its alternative names only (RFC 9525).
  package func isFor(host: String) -> Bool {
    if X509_check_ip_asc(certificate, host, 0) == 1 { return true }
    ERR_clear_error()
    let flags = UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
    return X509_check_host(certificate, host, host.utf8.count, flags, nil) == 1
  }
}

extension Int64 {
  /// As an instant, seconds since 1970, for people.
  package var asTime: String { CalendarText.utc(self) }
}
