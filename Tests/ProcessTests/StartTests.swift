import TestSupport
import Testing

extension RealProcesses {
  /// What keeps a server from starting: the exit code and the message.
  @Suite struct StartTests {
    /// Settings that `serve` and `check` must both refuse.
    struct Row: Sendable, CustomTestStringConvertible {
      var testDescription: String
      var settings: [String: String]
      var status: Int32
      var words: [String]
    }

    static let rows: [Row] = [
      Row(
        testDescription: "missing certificate", settings: ["--tls-cert": "/nowhere/node.pem"],
        status: 78, words: ["/nowhere/node.pem"]),
      Row(
        testDescription: "certificate not named", settings: ["--tls-cert": ""],
        status: 78, words: ["tls.cert", "--tls-cert"]),
      Row(
        testDescription: "key of another certificate",
        settings: ["--tls-key": "CERTS/root-key.pem"], status: 78, words: ["root-key.pem"]),
      Row(
        testDescription: "a CA file without a certificate",
        settings: ["--tls-ca": "CERTS/ca-key.pem"], status: 78, words: ["ca-key.pem"]),
      Row(
        testDescription: "missing policy", settings: ["--acl-policy": "/nowhere/policy.csv"],
        status: 78, words: ["/nowhere/policy.csv"]),
      Row(
        testDescription: "bad line in the policy", settings: ["--acl-policy": "FILES/bad.csv"],
        status: 78, words: ["bad.csv:2", "prodúce"]),
      Row(
        testDescription: "a size that is none", settings: ["--storage-segment-bytes": "many"],
        status: 78, words: ["storage.segmentBytes", "many", "--storage-segment-bytes"]),
      Row(
        testDescription: "an address without a port", settings: ["--listen": "localhost"],
        status: 78, words: ["listen.rpc", "host:port"]),
      Row(
        testDescription: "more nodes than one", settings: ["--expect": "3"], status: 78,
        words: ["join.bootstrapExpect"]),
      Row(
        testDescription: "an unknown key in the file", settings: ["--config": "FILES/bad.yaml"],
        status: 78, words: ["bad.yaml", "listen.rcp", "listen.rpc"]),
      Row(
        testDescription: "a data folder that is a file", settings: ["--data": "CERTS/ca.pem"],
        status: 74, words: ["ca.pem"]),
      Row(
        testDescription: "a data folder that cannot be made",
        settings: ["--data": "CERTS/ca.pem/data"], status: 74, words: ["ca.pem/data"]),
    ]

    /// A server that is not started; FILES in a setting is a folder with the files that rows name.
    private func server(_ row: Row) throws -> ServerProcess {
      try files.write("p, root, *, produce\np, root, *, prodúce\n", to: "bad.csv")
      try files.write("listen:\n  rcp: 127.0.0.1:0\n", to: "bad.yaml")
      let certificates = try ServerProcess.developmentCertificates.get().path
      return try ServerProcess(
        row.settings.mapValues {
          $0.replacing("CERTS", with: certificates).replacing("FILES", with: files.path)
        })
    }

    private let files: TemporaryFolder

    init() throws { files = try TemporaryFolder() }

    private func run(_ command: [String]) async throws -> Subprocess {
      try await blocking { try Subprocess.run(command, timeoutSeconds: 20) }
    }

    @Test(arguments: rows)
    func `a server that cannot start says why and with which code`(_ row: Row) async throws {
      let server = try server(row)
      for verb in ["serve", "check"] {
        let result = try await run(server.command(verb))
        #expect(result.status == row.status, "\(verb): \(result.errorOutput)")
        for word in row.words {
          #expect(
            result.errorOutput.contains(word),
            "\(verb) does not name \(word): \(result.errorOutput)")
        }
        #expect(!result.output.contains("ready"), "\(verb)")
      }
    }

    @Test func `two servers do not share a data folder`() async throws {
      let first = try await ServerProcess.started()
      let second = try ServerProcess(["--data": first.dataFolder])
      let result = try await run(second.command())
      #expect(result.status == 74, "\(result.errorOutput)")
      #expect(result.errorOutput.contains("in use"), "\(result.errorOutput)")
      #expect(result.errorOutput.contains(first.dataFolder), "\(result.errorOutput)")
      #expect(try await blocking { try first.terminate() } == 0)
      // A lock does not outlive its process, however that ended.
      try await blocking {
        try second.start()
        second.kill()
        try second.start()
      }
      #expect(try await blocking { try second.terminate() } == 0)
    }

    @Test func `a taken port is code 69 and names the address`() async throws {
      let first = try await ServerProcess.started()
      let second = try ServerProcess(["--listen": first.address])
      let result = try await run(second.command())
      #expect(result.status == 69, "\(result.errorOutput)")
      #expect(result.errorOutput.contains(first.address), "\(result.errorOutput)")
      #expect(try await blocking { try first.terminate() } == 0)
    }

    @Test func `check accepts what serve would start with and prints where it comes from`()
      async throws
    {
      let server = try ServerProcess(["--storage-segment-bytes": "8MiB"])
      let result = try await run(server.command("check"))
      #expect(result.status == 0, "\(result.errorOutput)")
      #expect(result.output.contains("8MiB"))
      #expect(result.output.contains("storage.segmentBytes"))
      #expect(result.output.contains("flag"))
      #expect(result.output.contains("default"))
      #expect(result.output.split(separator: "\n").last == "ok")
    }

    @Test func `an unknown flag is a usage error`() async throws {
      let result = try await run([try Programs.path("distlogd"), "serve", "--no-such-flag"])
      #expect(result.status == 64, "\(result.errorOutput)")
    }

    @Test func `settings come from the environment and a file as well`() async throws {
      let folder = try TemporaryFolder()
      let file = try folder.write(
        "storage:\n  segmentBytes: 3MiB\nlog:\n  level: error\n", to: "distlogd.yaml")
      let server = try ServerProcess(["--config": file])
      let command = try server.command("check")
      let result = try await blocking {
        try Subprocess.run(
          command, environment: ["DISTLOG_LOG_LEVEL": "debug"], timeoutSeconds: 20)
      }
      #expect(result.status == 0, "\(result.errorOutput)")
      #expect(result.output.contains("3MiB  (file \(file))"), "\(result.output)")
      #expect(result.output.contains("debug  (environment DISTLOG_LOG_LEVEL)"), "\(result.output)")
    }

    @Test func `the version names what it is built of`() async throws {
      let result = try await run([try Programs.path("distlogd"), "--version"])
      #expect(result.status == 0)
      for word in ["distlogd", "nghttp2", "OpenSSL", "data format"] {
        #expect(result.output.contains(word), "\(result.output)")
      }
    }
  }
}
