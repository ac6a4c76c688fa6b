import AccessControl
import LogAPI
import Testing

@testable import LogService

@Suite struct MethodRuleTests {
  @Test func `every method needs an action that rules can name, but for GetServers`() {
    for method in LogMethod.allCases {
      guard let name = method.action else {
        #expect(method == .getServers)
        continue
      }
      #expect(Action(rawValue: name) != nil, "\(method.path) needs \"\(name)\"")
      #expect(Action(method)?.rawValue == name)
    }
  }

  @Test func `a connection's decisions are those of the rules, for each method`() throws {
    let policy = try Policy(
      parsing: "p, writer, *, produce\np, reader, default, consume\n", file: "policy.csv")
    let loop = ServiceLoop(EmbeddedLoop.shared, limits: ServiceLimits())
    let expected: [String: Set<LogMethod>] = [
      "writer": [.produce, .produceStream, .initProducer, .getServers],
      "reader": [.consume, .consumeStream, .findOffset, .checksum, .getServers],
      "": [.getServers],
    ]
    for (subject, allowed) in expected {
      let state = ConnectionState(
        loop: loop, subject: subject, rules: RulesInForce(Authorizer(policy)))
      for (ordinal, method) in LogMethod.allCases.enumerated() {
        for _ in 0..<2 {
          let refusal = state.refusal(of: method, ordinal: ordinal)
          #expect((refusal == nil) == allowed.contains(method), "\(subject) \(method)")
        }
      }
    }
  }
}
