/// Arguments as the operating system gives them: bytes, which need not be text.
package enum ArgumentText {
  /// The arguments as text; an error when one is not UTF-8, which would be altered on the way.
  package static func read(_ arguments: [[UInt8]]) throws(ProgramFailure) -> [String] {
    var texts: [String] = []
    for (index, bytes) in arguments.enumerated() {
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw ProgramFailure(
          .usage, code: "USAGE",
          "argument \(index + 1), \(quoted(bytes)), is not UTF-8 and cannot be taken as it is",
          hint: "standard input and --file take any bytes: produce --frame length, for one")
      }
      texts.append(text)
    }
    return texts
  }

  /// As bash writes it: `$'a\xffb'`; the beginning of a long one.
  private static func quoted(_ bytes: [UInt8]) -> String {
    let limit = 40
    let shown = bytes.prefix(limit).map { byte in
      let isPlain = (0x20..<0x7F).contains(byte) && byte != 0x27 && byte != 0x5C
      let digits = String(byte, radix: 16)
      return isPlain
        ? String(UnicodeScalar(byte)) : "\\x" + (digits.count < 2 ? "0" : "") + digits
    }
    return "$'\(shown.joined())'" + (bytes.count > limit ? "..." : "")
  }
}
