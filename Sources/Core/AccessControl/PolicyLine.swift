/// One line of a policy file on its way to being a rule.
struct PolicyLine {
  enum Meaning {
    case nothing
    case rule(PolicyRule)
    case membership(PolicyMembership)
  }

  /// Log names are this long at most; a longer object would match nothing, ever.
  static let maxObjectBytes = 128

  private let bytes: ArraySlice<UInt8>
  private let number: Int
  private let file: String

  init(_ bytes: ArraySlice<UInt8>, number: Int, file: String) {
    self.bytes = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
    self.number = number
    self.file = file
  }

  func parse() throws(PolicyError) -> Meaning {
    guard let first = bytes.first(where: { !isBlank($0) }), first != UInt8(ascii: "#") else {
      return .nothing
    }
    let columns = try splitColumns()
    switch columns[0] {
    case "p": return .rule(try rule(columns))
    case "g": return .membership(try membership(columns))
    default:
      throw bad(
        "unknown kind of rule \(quoted(columns[0]))",
        "A line begins with p (a rule) or g (a group membership), in lower case.")
    }
  }

  private func rule(_ columns: [String]) throws(PolicyError) -> PolicyRule {
    guard (4...5).contains(columns.count) else {
      throw bad(
        "\(columns.count) columns instead of 4 or 5",
        "Write \"p, subject, object, action\", and \", deny\" after it to forbid.")
    }
    let effect = columns.count == 5 ? columns[4] : "allow"
    return PolicyRule(
      subject: try name(columns[1], of: "subject"), object: try object(columns[2]),
      action: try choice(columns[3], of: "action", among: Action.allCases),
      effect: try choice(effect, of: "effect", among: PolicyRule.Effect.allCases), line: number)
  }

  private func membership(_ columns: [String]) throws(PolicyError) -> PolicyMembership {
    guard columns.count == 3 else {
      throw bad("\(columns.count) columns instead of 3", "Write \"g, member, group\".")
    }
    return PolicyMembership(
      member: try name(columns[1], of: "member"), group: try name(columns[2], of: "group"))
  }

  // MARK: - Columns

  private func name(_ text: String, of what: String) throws(PolicyError) -> String {
    guard !text.isEmpty else {
      throw bad("an empty \(what)", "Give the \(what) as it stands in the certificate.")
    }
    guard text != "*" else {
      throw bad(
        "* as \(what)", "A star stands for objects only; name the \(what), or make a group.")
    }
    return text
  }

  private func object(_ text: String) throws(PolicyError) -> ObjectPattern {
    let prefix = "log:"
    let isMarked = text.utf8.starts(with: prefix.utf8)
    let name =
      isMarked ? String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self) : text
    if name == "*" { return .everything }
    let endsInStar = name.utf8.last == UInt8(ascii: "*")
    let plain = endsInStar ? String(decoding: name.utf8.dropLast(), as: UTF8.self) : name
    guard !plain.isEmpty else {
      throw bad("an empty object", "Name a log, a beginning such as orders-*, or * for all.")
    }
    guard plain.utf8.count <= Self.maxObjectBytes, plain.utf8.allSatisfy(isLogNameByte),
      endsInStar || (plain != "." && plain != "..")
    else {
      throw bad(
        "\(quoted(text)) can never be the name of a log",
        "A log's name has 1 to \(Self.maxObjectBytes) of A-Z a-z 0-9 . _ -; only the last "
          + "character of an object may be a star.")
    }
    return endsInStar ? .prefix(plain) : .exactly(plain)
  }

  private func choice<Choice: RawRepresentable<String>>(
    _ text: String, of what: String, among choices: [Choice]
  ) throws(PolicyError) -> Choice {
    if let choice = choices.first(where: { ExactName($0.rawValue) == ExactName(text) }) {
      return choice
    }
    let names = choices.map(\.rawValue)
    let list = "The \(what)s are \(names.joined(separator: ", "))."
    let nearest = Nearest.name(to: text, among: names).map { "Did you mean \"\($0)\"? " } ?? ""
    guard !text.isEmpty else { throw bad("an empty \(what)", list) }
    throw bad("unknown \(what) \(quoted(text))", nearest + list)
  }

  // MARK: - Bytes

  private func splitColumns() throws(PolicyError) -> [String] {
    var columns: [String] = []
    var rest = bytes
    repeat {
      rest = rest.drop(while: isBlank)
      if rest.first == UInt8(ascii: "\"") {
        columns.append(try quotedColumn(&rest))
      } else {
        let column = rest.prefix { $0 != UInt8(ascii: ",") }
        rest = rest.dropFirst(column.count)
        columns.append(try text(trimmed(column)))
      }
      guard rest.first == UInt8(ascii: ",") else { break }
      rest = rest.dropFirst()
    } while true
    return columns
  }

  /// A column in double quotes, in which two of them stand for one.
  private func quotedColumn(_ rest: inout ArraySlice<UInt8>) throws(PolicyError) -> String {
    let quote = UInt8(ascii: "\"")
    var content: [UInt8] = []
    rest = rest.dropFirst()
    while true {
      let run = rest.prefix { $0 != quote }
      content += run
      rest = rest.dropFirst(run.count)
      guard rest.popFirst() == quote else {
        throw bad("a quote that is not closed", "Close it, or leave both quotes out.")
      }
      guard rest.first == quote else { break }
      content.append(quote)
      rest = rest.dropFirst()
    }
    rest = rest.drop(while: isBlank)
    guard rest.isEmpty || rest.first == UInt8(ascii: ",") else {
      throw bad("text after a closing quote", "Put the whole column in quotes, or none of it.")
    }
    return try text(content[...])
  }

  private func text(_ column: ArraySlice<UInt8>) throws(PolicyError) -> String {
    guard let text = String(validating: column, as: UTF8.self) else {
      throw bad("bytes that are not UTF-8", "Save the file as UTF-8.")
    }
    guard column.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw bad("a control character", "Remove it; lines end with LF or CR LF.")
    }
    return text
  }

  private func trimmed(_ column: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let end = column.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? column.startIndex
    return column[..<end]
  }

  private func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }

  private func isLogNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"): true
    case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
    default: false
    }
  }

  private func quoted(_ text: String) -> String {
    "\"\(PolicyError.printable(text))\""
  }

  private func bad(_ reason: String, _ remedy: String) -> PolicyError {
    PolicyError(
      file: file, line: number, text: String(decoding: bytes, as: UTF8.self), reason: reason,
      remedy: remedy)
  }
}
