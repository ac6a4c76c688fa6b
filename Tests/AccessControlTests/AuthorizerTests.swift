import AccessControl
import Testing

@Suite struct AuthorizerTests {
  private static let policy = """
    p, root, *, produce
    p, root, *, consume
    p, writers, orders-*, produce
    p, writers, orders-secret, produce, deny
    p, staff, log:news, consume
    p, carol, orders-, produce
    p, eve, *, produce
    g, alice, writers
    g, writers, staff
    g, staff, writers
    g, eve, banned
    p, banned, *, produce, deny
    """

  @Test(arguments: [
    ("root", Action.produce, "default", true),
    ("root", .consume, "anything", true),
    ("root", .truncate, "default", false),
    ("Root", .produce, "default", false),
    ("root ", .produce, "default", false),
    ("root\u{0}", .produce, "default", false),
    ("r\u{43E}\u{43E}t", .produce, "default", false),
    ("nobody", .produce, "default", false),
    ("", .produce, "default", false),
    ("*", .produce, "default", false),
    ("alice", .produce, "orders-eu", true),
    ("alice", .produce, "orders-", true),
    ("alice", .produce, "orders", false),
    ("alice", .produce, "Orders-eu", false),
    ("alice", .produce, "x-orders-eu", false),
    ("alice", .produce, "orders-secret", false),
    ("alice", .produce, "orders-secret2", true),
    ("alice", .consume, "news", true),
    ("alice", .consume, "news.", false),
    ("alice", .consume, "news ", false),
    ("alice", .consume, "news/..", false),
    ("alice", .consume, "log:news", false),
    ("alice", .consume, "news\u{0}", false),
    ("alice", .consume, "", false),
    ("writers", .consume, "news", true),
    ("carol", .produce, "orders-", true),
    ("carol", .produce, "orders-eu", false),
    ("eve", .produce, "default", false),
  ])
  func `rules decide as written`(
    subject: String, action: Action, object: String, allowed: Bool
  ) throws {
    let authorizer = Authorizer(try Policy(parsing: Self.policy, file: "policy.csv"))
    #expect(authorizer.allows(subject: subject, action: action, object: object) == allowed)
  }

  @Test func `a decision names the first rule that made it`() throws {
    let authorizer = Authorizer(try Policy(parsing: Self.policy, file: "policy.csv"))
    let allowed = authorizer.decide(subject: "alice", action: .produce, object: "orders-eu")
    #expect(allowed.rule?.text == "p, writers, orders-*, produce")
    #expect(allowed.rule?.line == 3)
    let denied = authorizer.decide(subject: "eve", action: .produce, object: "default")
    #expect(denied.rule?.text == "p, banned, *, produce, deny")
    let unknown = authorizer.decide(subject: "nobody", action: .produce, object: "default")
    #expect(unknown.rule == nil)
  }

  @Test func `names that are canonically equal in Unicode are different subjects`() throws {
    let composed = "caf\u{E9}"
    let decomposed = "cafe\u{301}"
    try #require(composed == decomposed, "the premise: String compares canonically")
    let authorizer = Authorizer(
      try Policy(parsing: "p, \(composed), *, produce\ng, \(decomposed), x", file: "f"))
    #expect(authorizer.allows(subject: composed, action: .produce, object: "default"))
    #expect(!authorizer.allows(subject: decomposed, action: .produce, object: "default"))
  }

  @Test func `an object of 64 KiB is compared, not kept`() throws {
    let authorizer = Authorizer(try Policy(parsing: "p, a, aa*, produce", file: "f"))
    let long = String(repeating: "a", count: 65_536)
    #expect(authorizer.allows(subject: "a", action: .produce, object: long))
    #expect(!authorizer.allows(subject: "a", action: .produce, object: "b" + long))
  }

  @Test func `a chain of ten thousand groups that closes on itself is walked once`() throws {
    let links = (0..<10_000).map { "g, s\($0), s\(($0 + 1) % 10_000)" }
    let text = (links + ["p, s9999, *, produce"]).joined(separator: "\n")
    let authorizer = Authorizer(try Policy(parsing: text, file: "f"))
    #expect(authorizer.allows(subject: "s0", action: .produce, object: "default"))
    #expect(!authorizer.allows(subject: "s0", action: .consume, object: "default"))
  }
}
