/// Where a server listens: `host:port`, an IPv6 address in brackets.
public struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
  /// The port taken when none is named.
  public static let standardPort = 8400

  /// A name, looked up at every dial, or an address.
  public var host: String
  /// 1 to 65535.
  public var port: Int

  /// An address in parts, taken as they are.
  public init(host: String, port: Int = ServerAddress.standardPort) {
    self.host = host
    self.port = port
  }

  /// Reads `host`, `host:port`, `[address]:port` or a bare IPv6 address.
  public init(_ text: String) throws(DistlogError) {
    var host = Substring(text)
    var port: Substring?
    if text.hasPrefix("["), let close = text.firstIndex(of: "]") {
      host = text[text.index(after: text.startIndex)..<close]
      let rest = text[text.index(after: close)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { throw Self.unreadable(text) }
      if rest.hasPrefix(":") { port = rest.dropFirst() }
    } else if text.utf8.filter({ $0 == UInt8(ascii: ":") }).count == 1 {
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      host = parts[0]
      port = parts[1]
    }
    guard !host.isEmpty, !host.contains(where: \.isWhitespace) else { throw Self.unreadable(text) }
    self.init(host: String(host))
    if let port {
      guard let number = Int(port), (1...65_535).contains(number) else {
        throw Self.unreadable(text)
      }
      self.port = number
    }
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  private static func unreadable(_ text: String) -> DistlogError {
    DistlogError(
      .configuration, code: "INVALID_ARGUMENT", reason: "BAD_ADDRESS",
      "\"\(text)\" is not host:port", hint: "for example localhost:8400, or [::1]:8400")
  }
}
