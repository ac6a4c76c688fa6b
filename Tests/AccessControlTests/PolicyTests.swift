import AccessControl
import Testing

@Suite struct PolicyTests {
  @Test func `proglog's policy file loads unchanged`() throws {
    let policy = try Policy(
      parsing: "p, root, *, produce\np, root, *, consume\n", file: "policy.csv")
    #expect(policy.rules.map(\.text) == ["p, root, *, produce", "p, root, *, consume"])
    #expect(policy.memberships.isEmpty)
  }

  @Test func `comments, blank lines, white space, line ends and a byte order mark change nothing`()
    throws
  {
    let text = """
      \u{FEFF}# who may write\r
      \r
      \t p ,\troot  ,*,produce \t\r
         # nothing here
      p,"root",log:orders-*,consume,deny

      g, alice ,writers
      """
    let policy = try Policy(parsing: text, file: "policy.csv")
    #expect(
      policy.rules.map(\.text) == ["p, root, *, produce", "p, root, orders-*, consume, deny"])
    #expect(policy.rules.map(\.line) == [3, 5])
    #expect(policy.memberships.map(\.member) == ["alice"])
    #expect(policy.memberships.map(\.group) == ["writers"])
  }

  @Test func `a subject with commas and quotes stands in quotes`() throws {
    let policy = try Policy(
      parsing: "p, \"CN=a \"\"b\"\",O=c\" , *, produce", file: "policy.csv")
    #expect(policy.rules.map(\.subject) == ["CN=a \"b\",O=c"])
  }

  @Test func `an empty file allows nothing and is no error`() throws {
    for text in ["", "\n\n", "\u{FEFF}", "#"] {
      #expect(try Policy(parsing: text, file: "policy.csv").rules.isEmpty)
    }
  }

  @Test(arguments: [
    ("p, root, *, prodcue", "unknown action \"prodcue\"", "Did you mean \"produce\"?"),
    ("p, root, *, Produce", "unknown action \"Produce\"", "Did you mean \"produce\"?"),
    ("p, root, *, cluster.reed", "unknown action \"cluster.reed\"", "\"cluster.read\"?"),
    ("p, root, *, *", "unknown action \"*\"", "The actions are produce, consume,"),
    ("p, root, *, produce # all", "unknown action", "\"produce\"?"),
    ("p, root, *, ", "an empty action", "The actions are produce"),
    ("p, root, *, produce, denied", "unknown effect \"denied\"", "Did you mean \"deny\"?"),
    ("p, root, *, produce,", "an empty effect", "The effects are allow, deny."),
    ("p, root, *", "3 columns instead of 4 or 5", "p, subject, object, action"),
    ("p, root, *, produce, deny, x", "6 columns instead of 4 or 5", "p, subject"),
    ("p", "1 columns instead of 4 or 5", "p, subject"),
    ("p, , *, produce", "an empty subject", "certificate"),
    ("p, *, orders, produce", "* as subject", "star"),
    ("p, root, , produce", "an empty object", "orders-*"),
    ("p, root, log:, produce", "an empty object", "orders-*"),
    ("p, root, or*ers, produce", "can never be the name of a log", "last character"),
    ("p, root, topic:a, produce", "can never be the name of a log", "A-Z a-z"),
    ("p, root, .., produce", "can never be the name of a log", "A-Z a-z"),
    ("p, root, \u{43E}rders, produce", "can never be the name of a log", "A-Z a-z"),
    ("g, alice", "2 columns instead of 3", "g, member, group"),
    ("g, alice, writers, x", "4 columns instead of 3", "g, member, group"),
    ("g, , writers", "an empty member", "certificate"),
    ("g, alice, *", "* as group", "star"),
    ("P, root, *, produce", "unknown kind of rule \"P\"", "lower case"),
    ("allow root", "unknown kind of rule \"allow root\"", "p (a rule)"),
    ("p, \"root, *, produce", "a quote that is not closed", "Close it"),
    ("p, \"ro\"ot, *, produce", "text after a closing quote", "whole column"),
    ("p, ro\u{0}ot, *, produce", "a control character", "Remove it"),
    ("p, root\r, *, produce", "a control character", "Remove it"),
  ])
  func `a bad line is named with its file, number, fault and remedy`(
    line: String, reason: String, remedy: String
  ) {
    let error = #expect(throws: PolicyError.self) {
      try Policy(parsing: "# first\n\(line)\n", file: "certs/policy.csv")
    }
    #expect(error?.line == 2)
    #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "none")")
    #expect(error?.remedy.contains(remedy) == true, "\(error?.remedy ?? "none")")
    #expect(error?.description.hasPrefix("certs/policy.csv:2: ") == true)
  }

  @Test func `bytes that are not UTF-8 are an error, not a replacement character`() {
    let error = #expect(throws: PolicyError.self) {
      try Policy(parsing: Array("p, r".utf8) + [0xFF] + Array("t, *, produce".utf8), file: "f")
    }
    #expect(error?.reason == "bytes that are not UTF-8")
  }

  @Test func `an error message is one line of bounded length whatever the file holds`() {
    let hostile = "p, \u{1B}[31m\u{2028}\u{202E}" + String(repeating: "x", count: 70_000)
    let error = #expect(throws: PolicyError.self) { try Policy(parsing: hostile, file: "f") }
    let message = error?.description ?? ""
    #expect(message.utf8.count < 1_000)
    #expect(message.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value < 0x7F })
  }

  @Test func `a file over the limit is refused before it is taken apart`() {
    let error = #expect(throws: PolicyError.self) {
      try Policy(parsing: [UInt8](repeating: 0x20, count: Policy.maxBytes + 1), file: "f")
    }
    #expect(error?.line == 0)
  }

  @Test func `objects may be as long as a log's name and no longer`() throws {
    let longest = String(repeating: "a", count: 128)
    #expect(try Policy(parsing: "p, r, \(longest), produce", file: "f").rules.count == 1)
    #expect(throws: PolicyError.self) {
      try Policy(parsing: "p, r, \(longest)a, produce", file: "f")
    }
  }
}
