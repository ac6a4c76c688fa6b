/// The rules of a policy file: who may do what, and who belongs to which group.
///
/// The format is the one casbin's CSV adapter reads:
///
///     # a comment has a line of its own
///     p, root, *, produce               subject, object, action
///     p, writers, orders-*, produce     an object may end in a star
///     p, bob, log:orders-eu, consume, deny
///     g, alice, writers                 alice belongs to writers
///
/// White space around a column is not part of it; a column with a comma stands in double quotes, as
/// in RFC 4180. Names are compared byte for byte. The order of lines means nothing.
package struct Policy: Sendable {
  /// A longer file is refused before it is taken apart.
  package static let maxBytes = 4 << 20

  package let file: String
  package private(set) var rules: [PolicyRule] = []
  package private(set) var memberships: [PolicyMembership] = []

  /// - Parameter file: The file's name, for messages.
  package init(parsing text: String, file: String) throws(PolicyError) {
    try self.init(parsing: Array(text.utf8), file: file)
  }

  /// The same from the bytes of a file, which must be UTF-8, with or without a byte order mark.
  package init(parsing bytes: [UInt8], file: String) throws(PolicyError) {
    self.file = file
    guard bytes.count <= Self.maxBytes else {
      throw PolicyError(
        file: file, line: 0, text: "", reason: "the file has \(bytes.count) bytes",
        remedy: "A policy may have at most \(Self.maxBytes) bytes; use groups and prefixes.")
    }
    let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let content = bytes.starts(with: byteOrderMark) ? bytes.dropFirst(3) : bytes[...]
    var number = 0
    for line in content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      switch try PolicyLine(line, number: number, file: file).parse() {
      case .nothing: break
      case .rule(let rule): rules.append(rule)
      case .membership(let membership): memberships.append(membership)
      }
    }
  }
}
