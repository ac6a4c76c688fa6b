internal import COpenSSL
internal import Glibc

/// Certificate, key and CA files: checked one by one so that an error names the file and what to do.
enum TLSFiles {
  static func loadAuthority(_ path: String, into context: OpaquePointer) throws(TLSError) {
    try requireReadable(path, what: "CA file", option: "--ca (tls.ca)")
    guard SSL_CTX_load_verify_file(context, path) == 1 else {
      ERR_clear_error()
      throw .file(
        path: "CA file \(path)", problem: "holds no certificate in PEM form",
        remedy: "give the certificate of the CA (ca.pem)")
    }
  }

  /// Every revocation list in the file; clients are judged by them from then on.
  static func loadRevocations(_ path: String, into context: OpaquePointer) throws(TLSError) {
    try requireReadable(path, what: "CRL file", option: "--tls-crl (tls.crl)")
    guard let file = BIO_new_file(path, "r") else {
      throw .file(
        path: "CRL file \(path)", problem: "cannot be opened (\(OpenSSLError.takeText()))",
        remedy: "name another with --tls-crl (tls.crl)")
    }
    defer { BIO_free_all(file) }
    let store = SSL_CTX_get_cert_store(context)
    var count = 0
    ERR_clear_error()
    while let list = PEM_read_bio_X509_CRL(file, nil, nil, nil) {
      X509_STORE_add_crl(store, list)
      X509_CRL_free(list)
      count += 1
    }
    let code = ERR_peek_error()
    ERR_clear_error()
    // A file that ends in the middle of a list, or holds something else besides.
    let isAtEnd =
      cossl_error_library(code) == ERR_LIB_PEM && cossl_error_reason(code) == PEM_R_NO_START_LINE
    guard count > 0, isAtEnd else {
      throw .file(
        path: "CRL file \(path)",
        problem: count == 0
          ? "holds no revocation list in PEM form"
          : "is broken behind list \(count) (\(OpenSSLError.text(of: code)))",
        remedy: "give the lists of all CAs in tls.ca, one behind the other")
    }
    X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL))
  }

  /// The identity in the loaded certificate; nil when no certificate is given.
  static func loadCertificate(
    _ certificate: String?, key: String?, into context: OpaquePointer
  ) throws(TLSError) -> PeerIdentity? {
    guard let certificate else { return nil }
    guard let key else {
      throw .file(
        path: "certificate file \(certificate)", problem: "is given without a key",
        remedy: "give its key with --key (tls.key)")
    }
    try requireReadable(certificate, what: "certificate file", option: "--cert (tls.cert)")
    try requireReadable(key, what: "key file", option: "--key (tls.key)")
    try requirePrivate(key)
    guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
      throw .file(
        path: "certificate file \(certificate)",
        problem: "cannot be used (\(OpenSSLError.takeText()))",
        remedy: "give a certificate in PEM form, with a key of at least 2048 bits RSA or P-256")
    }
    try loadKey(key, of: certificate, into: context)
    return SSL_CTX_get0_certificate(context).map { PeerIdentity(x509: $0) }
  }

  private static func loadKey(
    _ key: String, of certificate: String, into context: OpaquePointer
  ) throws(TLSError) {
    // Without this OpenSSL would ask for a password on the terminal.
    SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in -1 }
    if SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1,
      SSL_CTX_check_private_key(context) == 1
    {
      return
    }
    let code = ERR_peek_error()
    let mismatch =
      cossl_error_library(code) == ERR_LIB_X509
      && cossl_error_reason(code) == X509_R_KEY_VALUES_MISMATCH
    let text = OpenSSLError.takeText()
    if mismatch || text.contains("mismatch") {
      throw .file(
        path: "key file \(key)", problem: "does not belong to the certificate in \(certificate)",
        remedy: "give the key that the certificate was made with")
    }
    throw .file(
      path: "key file \(key)", problem: "holds no usable private key (\(text))",
      remedy: "give an unencrypted private key in PEM form")
  }

  private static func requireReadable(
    _ path: String, what: String, option: String
  ) throws(TLSError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      let missing = errno == ENOENT || errno == ENOTDIR
      throw .file(
        path: "\(what) \(path)",
        problem: missing
          ? "does not exist" : "cannot be opened (\(String(cString: strerror(errno))))",
        remedy: "run `make certs` for a development set, or name another with \(option)")
    }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw .file(
        path: "\(what) \(path)", problem: "is a folder", remedy: "name a PEM file with \(option)")
    }
    guard access(path, R_OK) == 0 else {
      throw .file(
        path: "\(what) \(path)", problem: "may not be read by this user",
        remedy: "change its owner, or name another with \(option)")
    }
  }

  /// A key may be read by its owner, and by a group (as mounted secrets often are), but by nobody else.
  private static func requirePrivate(_ path: String) throws(TLSError) {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & 0o027 != 0 else { return }
    throw .file(
      path: "key file \(path)",
      problem: "is open to others (mode 0\(String(status.st_mode & 0o777, radix: 8)))",
      remedy: "run `chmod 600 \(path)`")
  }
}
