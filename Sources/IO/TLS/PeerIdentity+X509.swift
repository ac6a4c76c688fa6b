internal import COpenSSL

extension PeerIdentity {
  /// Reads the names of an `X509 *`.
  init(x509: OpaquePointer) {
    self.init(commonName: X509Text.commonName(X509_get_subject_name(x509)))
    subject = X509Text.distinguishedName(X509_get_subject_name(x509))
    issuer = X509Text.distinguishedName(X509_get_issuer_name(x509))
    serialNumber = X509Text.serialNumber(x509)
    notBefore = X509Text.seconds(X509_get0_notBefore(x509)) ?? 0
    notAfter = X509Text.seconds(X509_get0_notAfter(x509)) ?? 0
    readAlternativeNames(x509)
  }

  private mutating func readAlternativeNames(_ x509: OpaquePointer) {
    guard let list = X509_get_ext_d2i(x509, NID_subject_alt_name, nil, nil) else { return }
    let names = OpaquePointer(list)
    defer { cossl_general_names_free(list) }
    for position in 0..<OPENSSL_sk_num(names) {
      guard let entry = OPENSSL_sk_value(names, position) else { continue }
      let name = entry.assumingMemoryBound(to: GENERAL_NAME.self)
      switch name.pointee.type {
      case GEN_DNS:
        if let text = X509Text.string(name.pointee.d.dNSName) { dnsNames.append(text) }
      case GEN_URI:
        if let text = X509Text.string(name.pointee.d.uniformResourceIdentifier) {
          uriNames.append(text)
        }
      case GEN_IPADD:
        if let text = X509Text.address(name.pointee.d.iPAddress) { ipAddresses.append(text) }
      default: break
      }
    }
  }
}

/// Text out of OpenSSL's certificate values.
enum X509Text {
  /// The one CN, or nil when there is none, more than one, or one with control characters.
  static func commonName(_ name: OpaquePointer?) -> String? {
    guard let name else { return nil }
    let position = X509_NAME_get_index_by_NID(name, NID_commonName, -1)
    guard position >= 0, X509_NAME_get_index_by_NID(name, NID_commonName, position) < 0 else {
      return nil
    }
    return string(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, position)))
  }

  static func distinguishedName(_ name: OpaquePointer?) -> String {
    guard let name, let memory = BIO_new(BIO_s_mem()) else { return "" }
    defer { BIO_free(memory) }
    X509_NAME_print_ex(memory, name, 0, cossl_name_rfc2253)
    return contents(of: memory)
  }

  static func serialNumber(_ x509: OpaquePointer) -> String {
    guard let number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), nil) else { return "" }
    defer { BN_free(number) }
    guard let text = BN_bn2hex(number) else { return "" }
    defer { CRYPTO_free(text, "", 0) }
    return String(cString: text)
  }

  /// Seconds since 1970.
  static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
    guard let time, let epoch = ASN1_TIME_set(nil, 0) else { return nil }
    defer { ASN1_STRING_free(epoch) }
    var days: Int32 = 0
    var rest: Int32 = 0
    guard ASN1_TIME_diff(&days, &rest, epoch, time) == 1 else { return nil }
    return Int64(days) * 86400 + Int64(rest)
  }

  /// Nil for text that is not UTF-8 or holds control characters.
  static func string(_ value: UnsafePointer<ASN1_STRING>?) -> String? {
    guard let value else { return nil }
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = ASN1_STRING_to_UTF8(&bytes, value)
    guard count > 0, let bytes else { return nil }
    defer { CRYPTO_free(bytes, "", 0) }
    let buffer = UnsafeBufferPointer(start: bytes, count: Int(count))
    guard buffer.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return nil }
    return String(validating: buffer, as: UTF8.self)
  }

  static func address(_ value: UnsafePointer<ASN1_STRING>?) -> String? {
    guard let value, let start = ASN1_STRING_get0_data(value) else { return nil }
    let bytes = UnsafeBufferPointer(start: start, count: Int(ASN1_STRING_length(value)))
    switch bytes.count {
    case 4: return bytes.map { String($0) }.joined(separator: ".")
    case 16:
      return stride(from: 0, to: 16, by: 2).map {
        String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16)
      }.joined(separator: ":")
    default: return nil
    }
  }

  private static func contents(of memory: OpaquePointer) -> String {
    let count = BIO_ctrl_pending(memory)
    guard count > 0 else { return "" }
    return String(unsafeUninitializedCapacity: count) { buffer in
      max(0, Int(BIO_read(memory, buffer.baseAddress, Int32(count))))
    }
  }
}
