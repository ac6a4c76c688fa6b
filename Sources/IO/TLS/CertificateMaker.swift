internal import COpenSSL

/// Makes a certificate authority and certificates of it, with P-256 keys (RFC 5480), for clusters of one machine.
package struct CertificateMaker {
  /// A certificate and its private key, both in PEM form.
  package struct Pair {
    package var certificate: String
    package var key: String

    package init(certificate: String, key: String) {
      self.certificate = certificate
      self.key = key
    }
  }

  /// What a certificate is for.
  package enum Use {
    /// Signs others.
    case authority
    /// Serves clients, and calls other nodes as a client; for this machine's names only.
    case node
    /// A user or a program.
    case client
  }

  /// The PEM text of the CA, which signs what `make` makes.
  package let authority: Pair
  private static let organisation = "distlog development"
  private static let authorityDays = 3650
  private static let days = 825

  /// A new CA. Throws `.setup` where OpenSSL refuses.
  package init() throws(TLSError) {
    authority = try Self.make("distlog development CA", .authority, signedBy: nil)
  }

  /// The CA that is there. Nothing is read before `make`, which throws for text that is no PEM form.
  package init(authority: Pair) { self.authority = authority }

  /// A certificate whose subject's CN is `name`, at most 64 bytes (RFC 5280, ub-common-name).
  package func make(_ name: String, _ use: Use) throws(TLSError) -> Pair {
    try Self.make(name, use, signedBy: authority)
  }

  private static func make(
    _ name: String, _ use: Use, signedBy authority: Pair?
  ) throws(TLSError) -> Pair {
    guard let certificate = X509_new(), let key = cossl_new_p256_key() else {
      throw .setup(OpenSSLError.takeText())
    }
    defer {
      X509_free(certificate)
      EVP_PKEY_free(key)
    }
    let signer = try authority.map(Signer.init)
    let subject = X509_get_subject_name(certificate)
    let issuer = signer.map { X509_get_subject_name($0.certificate) } ?? subject
    let lasts = use == .authority ? authorityDays : days
    guard X509_set_version(certificate, 2) == 1, setSerial(certificate),  // version 3
      // A clock that is a little behind takes it, too.
      X509_time_adj_ex(X509_getm_notBefore(certificate), 0, -3600, nil) != nil,
      X509_time_adj_ex(X509_getm_notAfter(certificate), Int32(lasts), 0, nil) != nil,
      X509_set_pubkey(certificate, key) == 1, add("O", organisation, to: subject),
      add("CN", name, to: subject), X509_set_issuer_name(certificate, issuer) == 1,
      extensions(of: use).allSatisfy({
        extend(certificate, $0.0, $0.1, issuer: signer?.certificate ?? certificate)
      }),
      X509_sign(certificate, signer?.key ?? key, EVP_sha256()) > 0
    else { throw .setup(OpenSSLError.takeText()) }
    return try Pair(
      certificate: text { PEM_write_bio_X509($0, certificate) },
      key: text { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) })
  }

  /// In the order of RFC 5280, section 4.2.1; the key identifiers last, as the issuer's is read from the issuer.
  private static func extensions(of use: Use) -> [(Int32, String)] {
    switch use {
    case .authority:
      [
        (NID_basic_constraints, "critical,CA:true,pathlen:0"),
        (NID_key_usage, "critical,keyCertSign,cRLSign"), (NID_subject_key_identifier, "hash"),
      ]
    case .node:
      leaf("serverAuth,clientAuth") + [
        (NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1")
      ]
    case .client: leaf("clientAuth")
    }
  }

  private static func leaf(_ purposes: String) -> [(Int32, String)] {
    [
      (NID_basic_constraints, "critical,CA:false"), (NID_key_usage, "critical,digitalSignature"),
      (NID_ext_key_usage, purposes), (NID_subject_key_identifier, "hash"),
      (NID_authority_key_identifier, "keyid"),
    ]
  }

  private static func extend(
    _ certificate: OpaquePointer, _ identifier: Int32, _ value: String, issuer: OpaquePointer
  ) -> Bool {
    var context = X509V3_CTX()
    X509V3_set_ctx(&context, issuer, certificate, nil, nil, 0)
    guard let made = X509V3_EXT_nconf_nid(nil, &context, identifier, value) else { return false }
    defer { X509_EXTENSION_free(made) }
    return X509_add_ext(certificate, made, -1) == 1
  }

  private static func add(_ field: String, _ value: String, to name: OpaquePointer?) -> Bool {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, value, -1, -1, 0) == 1
  }

  /// 127 random bits, of which the highest is set: positive, of 16 bytes (RFC 5280, section 4.1.2.2).
  private static func setSerial(_ certificate: OpaquePointer) -> Bool {
    var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
    bytes[0] = bytes[0] & 0x3f | 0x40
    let number = BN_bin2bn(bytes, Int32(bytes.count), nil)
    defer { BN_free(number) }
    return BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil
  }

  private static func text(_ write: (OpaquePointer) -> Int32) throws(TLSError) -> String {
    guard let memory = BIO_new(BIO_s_mem()) else { throw .setup(OpenSSLError.takeText()) }
    defer { BIO_free_all(memory) }
    guard write(memory) == 1 else { throw .setup(OpenSSLError.takeText()) }
    var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(memory))
    guard BIO_read(memory, &bytes, Int32(bytes.count)) == bytes.count else {
      throw .setup(OpenSSLError.takeText())
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// A CA's certificate and key, as OpenSSL has them.
private final class Signer {
  let certificate: OpaquePointer
  let key: OpaquePointer

  init(_ pair: CertificateMaker.Pair) throws(TLSError) {
    let certificate = Self.read(pair.certificate) { PEM_read_bio_X509($0, nil, nil, nil) }
    let key = Self.read(pair.key) {
      // A password is never asked for.
      PEM_read_bio_PrivateKey($0, nil, { _, _, _, _ in -1 }, nil)
    }
    guard let certificate, let key else {
      X509_free(certificate)
      EVP_PKEY_free(key)
      throw .setup(OpenSSLError.takeText())
    }
    self.certificate = certificate
    self.key = key
  }

  deinit {
    X509_free(certificate)
    EVP_PKEY_free(key)
  }

  private static func read(
    _ text: String, _ parse: (OpaquePointer) -> OpaquePointer?
  ) -> OpaquePointer? {
    guard let memory = BIO_new_mem_buf(text, Int32(text.utf8.count)) else { return nil }
    defer { BIO_free_all(memory) }
    return parse(memory)
  }
}
