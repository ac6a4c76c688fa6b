/// The first line of a policy file that cannot be used, and what to do about it.
package struct PolicyError: Error, Equatable, CustomStringConvertible {
  package let file: String
  /// Counted from 1; 0 when it is about the whole file.
  package let line: Int
  /// The line as it stands in the file; printed shortened, with control characters escaped.
  package let text: String
  package let reason: String
  package let remedy: String

  package var description: String {
    guard line > 0 else { return "\(file): \(reason). \(remedy)" }
    return "\(file):\(line): \(reason) in \"\(Self.printable(text))\". \(remedy)"
  }

  /// Text that is safe in a log line: control characters escaped, long text cut.
  static func printable(_ text: String) -> String {
    var shown = ""
    for scalar in text.unicodeScalars.prefix(120) {
      shown += scalar.properties.isControlOrFormat ? scalar.escaped(asASCII: true) : String(scalar)
    }
    return text.unicodeScalars.count > 120 ? shown + "..." : shown
  }
}

extension Unicode.Scalar.Properties {
  fileprivate var isControlOrFormat: Bool {
    switch generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse: true
    default: false
    }
  }
}
