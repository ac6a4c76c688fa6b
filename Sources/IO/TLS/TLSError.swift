/// Why TLS could not be set up, or a connection was refused; each description is a sentence for people.
package enum TLSError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A certificate, key or CA file cannot be used. `problem` follows the file's name; `remedy` is a clause.
  case file(path: String, problem: String, remedy: String)
  /// OpenSSL refused a setting; a defect of this program or of the installation.
  case setup(String)
  /// The certificate of `peer` did not pass; `code` is OpenSSL's verify code (X509_V_ERR_...).
  case certificateRefused(peer: String, code: Int32, reason: String)
  /// `peer` refused the connection with this TLS alert (RFC 8446 section 6).
  case alertReceived(peer: String, alert: UInt8, name: String)
  /// `peer` does not speak TLS.
  case notTLS(peer: String)
  /// `peer` offers none of the protocols that this side speaks (ALPN, RFC 7301).
  case noCommonProtocol(peer: String, expected: String)
  /// `peer` offers only versions below TLS 1.2.
  case versionTooOld(peer: String)
  /// `peer` showed no certificate although one is required.
  case noCertificate(peer: String)
  /// `peer` ended the connection without the TLS closing message: data may be missing.
  case truncated(peer: String, duringHandshake: Bool)
  /// `peer` broke the protocol; the text is OpenSSL's.
  case protocolViolation(peer: String, String)
  /// The session was closed or has failed before.
  case closed(peer: String)

  package var description: String {
    switch self {
    case .file(let path, let problem, let remedy): "\(path) \(problem); \(remedy)"
    case .setup(let what): "TLS could not be set up: \(what)"
    case .certificateRefused(let peer, _, let reason): "certificate of \(peer) \(reason)"
    case .alertReceived(let peer, let alert, let name):
      "\(peer) refused the TLS connection: \(AlertText.sentence(alert, name: name))"
    case .notTLS(let peer): "\(peer) does not speak TLS; is it the right port?"
    case .noCommonProtocol(let peer, let expected):
      "\(peer) does not offer \(expected) by ALPN; is it a gRPC (HTTP/2) peer?"
    case .versionTooOld(let peer): "\(peer) offers no TLS version from 1.2 on"
    case .noCertificate(let peer):
      "\(peer) showed no certificate; a client must show one signed by the CA of this server"
    case .truncated(let peer, true): "\(peer) closed the connection during the TLS handshake"
    case .truncated(let peer, false): "\(peer) closed the connection without ending TLS"
    case .protocolViolation(let peer, let what): "\(peer) broke the TLS protocol (\(what))"
    case .closed(let peer): "the TLS connection with \(peer) is closed"
    }
  }
}

/// What the alerts that an operator meets mean, and what helps.
enum AlertText {
  static func sentence(_ alert: UInt8, name: String) -> String {
    switch alert {
    case 40: "no common cipher or signature algorithm (handshake failure)"
    case 42: "it does not accept this side's certificate (bad certificate)"
    case 43: "this side's certificate is not meant for this use (unsupported certificate)"
    case 44: "this side's certificate was revoked"
    case 45: "this side's certificate has expired or is not yet valid"
    case 46: "it does not accept this side's certificate (certificate unknown)"
    case 48: "this side's certificate is not signed by a CA that it trusts (unknown CA)"
    case 70: "no common TLS version"
    case 116: "it requires a client certificate"
    case 120: "no common application protocol (ALPN)"
    default: name.isEmpty ? "alert \(alert)" : name
    }
  }
}
