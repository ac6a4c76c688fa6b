/// Who a verified certificate belongs to.
///
/// Names with control characters, and ambiguous ones (two common names), are left out: nothing is
/// granted to a name that two programs could read differently.
package struct PeerIdentity: Sendable, Equatable {
  /// The one common name (CN) of the subject.
  package var commonName: String?
  package var dnsNames: [String]
  package var uriNames: [String]
  /// Textual form, as `127.0.0.1` or `::1` written in full groups.
  package var ipAddresses: [String]
  /// The subject's distinguished name, RFC 2253.
  package var subject: String
  /// The issuer's distinguished name, RFC 2253.
  package var issuer: String
  /// Hexadecimal, upper case.
  package var serialNumber: String
  /// Seconds since 1970.
  package var notBefore: Int64
  /// Seconds since 1970.
  package var notAfter: Int64

  package init(
    commonName: String?, dnsNames: [String] = [], uriNames: [String] = [],
    ipAddresses: [String] = [], subject: String = "", issuer: String = "",
    serialNumber: String = "", notBefore: Int64 = 0, notAfter: Int64 = .max
  ) {
    self.commonName = commonName
    self.dnsNames = dnsNames
    self.uriNames = uriNames
    self.ipAddresses = ipAddresses
    self.subject = subject
    self.issuer = issuer
    self.serialNumber = serialNumber
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// Which name of a certificate is the subject that rules speak of.
  package enum SubjectSource: String, Sendable, CaseIterable {
    case commonName = "cn"
    case uriName = "san-uri"
    case dnsName = "san-dns"
    case distinguishedName = "dn"
  }

  /// The name that rules speak of, or nil when the certificate has none of that kind.
  package func subject(from source: SubjectSource) -> String? {
    switch source {
    case .commonName: commonName
    case .uriName: uriNames.count == 1 ? uriNames[0] : nil
    case .dnsName: dnsNames.count == 1 ? dnsNames[0] : nil
    case .distinguishedName: subject.isEmpty ? nil : subject
    }
  }
}
