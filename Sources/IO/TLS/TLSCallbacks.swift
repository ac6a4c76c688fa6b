internal import COpenSSL

/// Notes in the session which certificate failed and why, while OpenSSL still shows it.
enum VerifyCallback {
  static let function: @convention(c) (Int32, OpaquePointer?) -> Int32 = { accepted, store in
    guard accepted != 1, let store else { return accepted }
    let raw = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx())
    guard let raw, let session = TLSSession.of(OpaquePointer(raw)) else { return 0 }
    session.noteRefusal(
      code: X509_STORE_CTX_get_error(store), depth: X509_STORE_CTX_get_error_depth(store),
      certificate: X509_STORE_CTX_get_current_cert(store).map { PeerIdentity(x509: $0) })
    return 0
  }
}

/// Application protocol negotiation (ALPN, RFC 7301): one in common, or no connection.
enum ProtocolChoice {
  private static let extensionNumber: UInt32 = 16

  static func wireFormat(_ protocols: [String]) -> [UInt8] {
    protocols.flatMap { [UInt8(truncatingIfNeeded: $0.utf8.count)] + Array($0.utf8) }
  }

  /// Refuses a client that does not offer ALPN at all: OpenSSL calls `selectFunction` only for one that does.
  static let helloFunction:
    @convention(c) (
      OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?
    ) -> Int32 = { ssl, alert, _ in
      var bytes: UnsafePointer<UInt8>?
      var count = 0
      // Too old a version is OpenSSL's to refuse, with the alert that says so.
      if SSL_client_hello_get0_legacy_version(ssl) < UInt32(TLS1_2_VERSION) {
        return SSL_CLIENT_HELLO_SUCCESS
      }
      if SSL_client_hello_get0_ext(ssl, extensionNumber, &bytes, &count) == 1 {
        return SSL_CLIENT_HELLO_SUCCESS
      }
      TLSSession.of(ssl)?.noteNoCommonProtocol()
      alert?.pointee = Int32(SSL_AD_NO_APPLICATION_PROTOCOL)
      return SSL_CLIENT_HELLO_ERROR
    }

  /// Picks the first of this side's protocols that the client offers.
  static let selectFunction:
    @convention(c) (
      OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
      UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
    ) -> Int32 = { ssl, choice, choiceCount, offered, offeredCount, _ in
      guard let session = TLSSession.of(ssl), let choice, let choiceCount else {
        return SSL_TLSEXT_ERR_ALERT_FATAL
      }
      let offer = UnsafeBufferPointer(start: offered, count: Int(offeredCount))
      for name in session.context.protocols {
        guard let found = find(name, in: offer) else { continue }
        choice.pointee = found.baseAddress
        choiceCount.pointee = UInt8(found.count)
        return SSL_TLSEXT_ERR_OK
      }
      session.noteNoCommonProtocol()
      return SSL_TLSEXT_ERR_ALERT_FATAL
    }

  private static func find(
    _ name: String, in offer: UnsafeBufferPointer<UInt8>
  ) -> UnsafeBufferPointer<UInt8>? {
    var position = 0
    while position < offer.count {
      let end = position + 1 + Int(offer[position])
      guard end <= offer.count else { return nil }
      let entry = UnsafeBufferPointer(rebasing: offer[(position + 1)..<end])
      if entry.elementsEqual(name.utf8) { return entry }
      position = end
    }
    return nil
  }
}
