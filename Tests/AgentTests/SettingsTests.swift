import Agent
import Foundation
import Testing

@Suite struct SettingsTests {
  private func values(
    flags: [String: String] = [:], environment: [String: String] = [:], yaml: String? = nil
  ) throws -> SettingValues {
    var file: String?
    if let yaml {
      let path = FileManager.default.temporaryDirectory
        .appendingPathComponent("distlog-settings-\(UUID().uuidString).yaml")
      try yaml.write(to: path, atomically: true, encoding: .utf8)
      file = path.path
    }
    defer { if let file { unlink(file) } }
    return try SettingValues(flags: flags, environment: environment, file: file)
  }

  private static let required = [
    "tls.cert": "c.pem", "tls.key": "k.pem", "tls.ca": "a.pem", "acl.policy": "p.csv",
    "node.id": "n1",
  ]

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func `a key gives its flag and its variable by rule`() throws {
    let setting = try #require(Setting.named("join.bootstrapExpect"))
    #expect(setting.flag == "--join-bootstrap-expect")
    #expect(setting.environment == "DISTLOG_JOIN_BOOTSTRAP_EXPECT")
  }

  @Test func `flag wins over environment, environment over file, file over default`() throws {
    let yaml = "listen:\n  rpc: 127.0.0.1:3\nlog:\n  level: debug\n"
    let all = try values(
      flags: ["listen.rpc": "127.0.0.1:1"], environment: ["DISTLOG_LISTEN_RPC": "127.0.0.1:2"],
      yaml: yaml)
    #expect(all["listen.rpc"].text == "127.0.0.1:1")
    #expect(all["listen.rpc"].origin.description == "flag --listen-rpc")
    let fromEnvironment = try values(
      environment: ["DISTLOG_LISTEN_RPC": "127.0.0.1:2"], yaml: yaml)
    #expect(fromEnvironment["listen.rpc"].text == "127.0.0.1:2")
    let fromFile = try values(yaml: yaml)
    #expect(fromFile["listen.rpc"].text == "127.0.0.1:3")
    #expect(fromFile["log.level"].text == "debug")
    #expect(fromFile["shutdown.drain"].origin.description == "default")
  }

  @Test func `an unknown key in the file is an error that names the nearest known key`() {
    let text = message { _ = try values(yaml: "listen:\n  rcp: 127.0.0.1:1\n") }
    #expect(text.contains("unknown key listen.rcp"))
    #expect(text.contains("listen.rpc?"))
  }

  @Test func `a file that is not YAML, or holds a list, is an error`() {
    #expect(message { _ = try values(yaml: "a: [") }.contains("not valid YAML"))
    #expect(message { _ = try values(yaml: "listen:\n  rpc: [a, b]\n") }.contains("not a list"))
  }

  @Test func `the defaults with certificates and rules are a valid configuration`() throws {
    let configuration = try AgentConfiguration(values(flags: Self.required))
    #expect(configuration.listen.description == "127.0.0.1:8400")
    #expect(configuration.segmentBytes == 64 << 20)
    #expect(configuration.consumerStall == .seconds(600))
    #expect(configuration.drain == .seconds(20))
  }

  @Test(arguments: [
    ("tls.cert", ""), ("listen.rpc", "8400"), ("listen.rpc", ":8400"), ("listen.rpc", "a:99999"),
    ("storage.segmentBytes", "64 megs"), ("storage.segmentBytes", "1KiB"),
    ("limits.consumerStall", "10"), ("log.level", "loud"), ("tls.minVersion", "1.1"),
    ("node.id", "a b"), ("node.id", "../x"), ("join.bootstrapExpect", "3"),
    ("join.seeds", "nowhere"), ("raft.electionTimeout", "100ms"),
    ("logs.maxRecordBytes", "4MiB"), ("auth.subject", "email"), ("node.eventLoops", "-1"),
    ("limits.messageBytes", "1MiB"), ("storage.segmentBytes", "99999999999TiB"),
  ])
  func `a wrong value is refused with its key and where it came from`(_ bad: (String, String)) {
    var flags = Self.required
    flags[bad.0] = bad.1
    let text = message { _ = try AgentConfiguration(values(flags: flags)) }
    #expect(text != "no error")
    #expect(text.contains(bad.0) || text.contains("logs.maxRecordBytes"), "\(text)")
  }

  @Test func `an IPv6 address is taken in brackets and printed in brackets`() throws {
    var flags = Self.required
    flags["listen.rpc"] = "[::1]:8400"
    let configuration = try AgentConfiguration(values(flags: flags))
    #expect(configuration.listen.host == "::1")
    #expect(configuration.listen.description == "[::1]:8400")
  }

  @Test func `sizes and durations read as people write them`() {
    #expect(Units.parseSize("64MiB") == 64 << 20)
    #expect(Units.parseSize("10 kB") == 10_000)
    #expect(Units.parseSize("7") == 7)
    #expect(Units.parseSize("7 bananas") == nil)
    #expect(Units.parseDuration("500ms") == .milliseconds(500))
    #expect(Units.parseDuration("10min") == .seconds(600))
    #expect(Units.parseDuration("10") == nil)
  }

  @Test func `a log line cannot be forged by a name`() {
    #expect(JSONLogHandler.quoted("a\"b\n\u{1}\\") == #""a\"b\n\u0001\\""#)
  }
}
