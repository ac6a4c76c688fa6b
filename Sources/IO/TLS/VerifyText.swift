internal import COpenSSL

/// What OpenSSL's verify codes mean, as the end of "certificate of host:port ...".
enum VerifyText {
  static func reason(code: Int32, notBefore: Int64, notAfter: Int64, issuer: String, role: String)
    -> String
  {
    switch code {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      "has expired on \(CalendarText.utc(notAfter)); it must be renewed"
    case X509_V_ERR_CERT_NOT_YET_VALID:
      "is not valid before \(CalendarText.utc(notBefore)); are the clocks right?"
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      "is not signed by the CA in use but by its own (\(issuer)); give the CA file that signed it"
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
      X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
      X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      "is signed by an unknown CA (\(issuer)); give the CA file that signed it"
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      "has a wrong signature; it is signed by another CA of the same name (\(issuer))"
    case X509_V_ERR_INVALID_PURPOSE:
      "is not meant for \(role) (extended key usage)"
    case X509_V_ERR_INVALID_CA: "is signed by a certificate that is not a CA (\(issuer))"
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
      "is not valid for that name; use a name it was issued for, or --server-name"
    case X509_V_ERR_CERT_REVOKED: "was revoked"
    case X509_V_ERR_UNABLE_TO_GET_CRL:
      "cannot be judged: there is no revocation list of its CA (\(issuer)) in tls.crl"
    case X509_V_ERR_CRL_HAS_EXPIRED:
      "cannot be judged: the revocation list of its CA (\(issuer)) has expired; a new one is needed in tls.crl"
    case X509_V_ERR_CRL_NOT_YET_VALID:
      "cannot be judged: the revocation list of its CA (\(issuer)) is not valid yet; are the clocks right?"
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
      "cannot be judged: the revocation list of its CA (\(issuer)) has a wrong signature"
    case X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL: "has a key that is too weak"
    case X509_V_ERR_CA_MD_TOO_WEAK: "is signed with a hash that is too weak"
    default: "was refused (\(String(cString: X509_verify_cert_error_string(Int(code)))))"
    }
  }
}

/// Dates for people.
enum CalendarText {
  /// `2026-11-23 01:45:00 UTC`, for seconds since 1970.
  static func utc(_ seconds: Int64) -> String {
    let days = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
    let rest = seconds - days * 86400
    let (year, month, day) = civil(days)
    return "\(year)-\(two(month))-\(two(day)) "
      + "\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60)) UTC"
  }

  /// Days since 1970 to year, month, day (Howard Hinnant, "chrono-compatible low-level date algorithms").
  private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let part = (5 * dayOfYear + 2) / 153
    let month = part < 10 ? part + 3 : part - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * part + 2) / 5 + 1
    )
  }

  private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
