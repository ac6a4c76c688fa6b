internal import COpenSSL

/// The calling thread's queue of OpenSSL errors.
enum OpenSSLError {
  /// The oldest error's text, without OpenSSL's file and function; the queue is empty afterwards.
  static func takeText() -> String {
    let code = ERR_peek_error()
    ERR_clear_error()
    return text(of: code)
  }

  static func text(of code: UInt) -> String {
    guard code != 0 else { return "unknown OpenSSL error" }
    guard let reason = ERR_reason_error_string(code) else { return "OpenSSL error \(code)" }
    return String(cString: reason)
  }
}
