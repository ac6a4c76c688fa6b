import AccessControl
import Testing

/// Random policies, decided by `Authorizer` and by the plainest reading of the text.
@Suite struct RandomPolicyTests {
  @Test(arguments: 1...20)
  func `decisions equal those of a second implementation`(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    for _ in 0..<100 {
      let text = random.policyText()
      let authorizer = Authorizer(try Policy(parsing: text, file: "random.csv"))
      let model = PlainReading(of: text)
      for subject in Vocabulary.subjects {
        for action in Vocabulary.actions {
          for object in Vocabulary.objects {
            let decided = authorizer.allows(subject: subject, action: action, object: object)
            let expected = model.allows(subject, action.rawValue, object)
            #expect(
              decided == expected,
              "seed \(seed): \(subject) \(action.rawValue) \(object) under\n\(text)")
          }
        }
      }
    }
  }
}

private enum Vocabulary {
  static let subjects = ["a", "b", "A", "caf\u{E9}", "cafe\u{301}", "g1", "g2", "g3", ""]
  static let patterns = ["*", "x", "x*", "xy", "xy*", "log:x", "log:xy*", "log:*", "X", "x.*"]
  static let objects = ["x", "xy", "xyz", "X", "", "y", "x.", "log:x", "x\u{0}", "..", "\u{445}"]
  static let actions: [Action] = [.produce, .consume, .clusterRead]
}

/// Follows the words of the format and nothing else: no tables, no early exit.
private struct PlainReading {
  private var rules: [[String]] = []
  private var edges: [(member: [UInt8], group: [UInt8])] = []

  init(of text: String) {
    for line in text.utf8.split(whereSeparator: { $0 == 10 || $0 == 13 }) {
      let columns = line.split(separator: UInt8(ascii: ",")).map { column in
        String(decoding: column.filter { $0 != 32 && $0 != 9 }, as: UTF8.self)
      }
      if columns.first == "p" { rules.append(columns) }
      if columns.first == "g" { edges.append((Array(columns[1].utf8), Array(columns[2].utf8))) }
    }
  }

  func allows(_ subject: String, _ action: String, _ object: String) -> Bool {
    var held = [Array(subject.utf8)]
    for _ in edges.indices {
      for edge in edges where held.contains(edge.member) { held.append(edge.group) }
    }
    let matching = rules.filter { rule in
      held.contains(Array(rule[1].utf8)) && rule[3] == action && matches(rule[2], object)
    }
    let isDenied = matching.contains { $0.count == 5 && $0[4] == "deny" }
    return !subject.isEmpty && !matching.isEmpty && !isDenied
  }

  private func matches(_ pattern: String, _ object: String) -> Bool {
    var bytes = Array(pattern.utf8)
    if bytes.starts(with: "log:".utf8) { bytes.removeFirst(4) }
    guard bytes.last == UInt8(ascii: "*") else { return bytes == Array(object.utf8) }
    return object.utf8.starts(with: bytes.dropLast())
  }
}

private struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func policyText() -> String {
    let lines = (0..<Int.random(in: 0...12, using: &self)).map { _ in policyLine() }
    let lineEnd = Bool.random(using: &self) ? "\n" : "\r\n"
    return lines.joined(separator: lineEnd)
  }

  private mutating func policyLine() -> String {
    let names = Vocabulary.subjects.filter { !$0.isEmpty }
    switch Int.random(in: 0..<10, using: &self) {
    case 0: return "# p, a, *, produce"
    case 1: return " \t"
    case 2...4: return joined(["g", pick(names), pick(names)])
    default:
      let columns = [
        "p", pick(names), pick(Vocabulary.patterns), pick(Vocabulary.actions.map(\.rawValue)),
      ]
      return joined(columns + pick([[], [], ["allow"], ["deny"]]))
    }
  }

  private mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[Int.random(in: choices.indices, using: &self)]
  }

  private mutating func joined(_ columns: [String]) -> String {
    columns.joined(separator: pick([",", ", ", " ,", "\t, "]))
  }
}
