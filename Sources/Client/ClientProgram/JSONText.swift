/// Builds one JSON object (RFC 8259) as text, members in the order of the calls.
package struct JSONObject {
  private var members: [String] = []

  package init() {}

  package mutating func set(_ name: String, _ value: String) {
    raw(name, JSONText.quoted(value))
  }

  package mutating func set(_ name: String, _ value: Bool) { raw(name, value ? "true" : "false") }

  package mutating func set(_ name: String, _ value: Int) { raw(name, String(value)) }

  package mutating func set(_ name: String, _ value: Double) { raw(name, "\(value)") }

  /// A 64-bit number, as text: the protobuf JSON form, since JavaScript's numbers end at 2^53.
  package mutating func set(_ name: String, _ value: UInt64) { set(name, String(value)) }

  package mutating func set(_ name: String, _ value: JSONObject) { raw(name, value.text) }

  package mutating func set(_ name: String, _ values: [JSONObject]) {
    raw(name, "[" + values.map(\.text).joined(separator: ",") + "]")
  }

  package mutating func set(_ name: String, _ values: [String]) {
    raw(name, "[" + values.map { JSONText.quoted($0) }.joined(separator: ",") + "]")
  }

  private mutating func raw(_ name: String, _ value: String) {
    members.append(JSONText.quoted(name) + ":" + value)
  }

  package var text: String { "{" + members.joined(separator: ",") + "}" }
}

/// Strings as JSON writes them.
package enum JSONText {
  package static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{00}"..."\u{1F}", "\u{7F}":
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
