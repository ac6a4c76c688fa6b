import Foundation
import TestSupport
import Testing

extension RealProcesses {
  /// What `distlog-client` ends with and says then: an interface that scripts rely on.
  @Suite struct ClientExitTests {
    @Test func `each way to fail has its exit code`() async throws {
      let server = try await ServerProcess.started()
      let root = DistlogClientProcess(server)
      let cases: [(Int32, [String], String)] = [
        (0, ["produce", "value"], "1 record"),
        (0, ["consume", "--from", "1", "--to", "end"], "0 records"),
        (1, ["log", "show", "no-such-log"], "no-such-log"),
        (11, ["consume", "--from", "5", "--to", "end"], "5"),
        (64, ["consume", "--no-such-flag"], "no-such-flag"),
        (64, ["produce", "--batch", "0", "value"], "--batch"),
        (74, ["produce", "--file", "/no/such/file"], "/no/such/file cannot be opened"),
        (76, ["servers", "--server-name", "elsewhere.example"], "not valid for that name"),
        (78, ["servers", "--ca", "/no/such/ca.pem"], "/no/such/ca.pem"),
        (78, ["servers", "--timeout", "soon"], "timeout \"soon\""),
      ]
      for (status, arguments, words) in cases {
        let run = try await root.run(arguments)
        #expect(run.status == status, "\(arguments): \(run.errorOutput)")
        #expect(run.errorOutput.contains(words), "\(arguments): \(run.errorOutput)")
      }
      let denied = try await DistlogClientProcess(server, as: "nobody").run(["consume"])
      #expect(denied.status == 77, "\(denied.errorOutput)")
      let cut = try await root.run(["produce", "--frame", "length"], input: "\0\0\0\u{9}short")
      #expect(cut.status == 74, "\(cut.errorOutput)")
      #expect(cut.errorOutput.contains("4 bytes are missing"), "\(cut.errorOutput)")
      let folder = try TemporaryFolder()
      let full = try await ClientRun.script(#""$@" consume > /dev/full"#, server, in: folder)
      #expect(full.status == 74, "\(full.errorOutput)")
      let unset = try await blocking {
        try Subprocess.run(
          ["env", "-u", "DISTLOG_CA", try Programs.path("distlog-client"), "servers"])
      }
      #expect(unset.status == 78 && unset.errorOutput.contains("--ca"), "\(unset.errorOutput)")
      server.kill()
      let gone = try await root.run(["produce", "value", "--timeout", "2s"])
      #expect(gone.status == 69, "\(gone.errorOutput)")
      #expect(gone.errorOutput.contains(server.address), "\(gone.errorOutput)")
      #expect(!gone.errorOutput.contains("may or may not"), "\(gone.errorOutput)")
    }

    @Test func `the exit codes that it lists are these`() async throws {
      let list = try await blocking {
        try Subprocess.check([try Programs.path("distlog-client"), "exit-codes"])
      }
      let codes = list.split(separator: "\n").compactMap { Int($0.split(separator: " ")[0]) }
      #expect(codes == [0, 1, 10, 11, 12, 64, 69, 70, 74, 75, 76, 77, 78, 130])
    }

    @Test func `each status of a server has its exit code, and so have signals`() async throws {
      let report = try await PythonScript("ProcessTests/exit_codes.py").run()
      #expect(
        report.faults(expecting: [
          "each_status_of_a_server_has_its_code",
          "an_interrupt_ends_a_stream_with_130_and_a_closed_pipe_with_0",
          "a_second_signal_ends_a_server_with_130",
        ]) == [])
    }

    @Test func `errors and summaries are JSON on standard error when results are`() async throws {
      let server = try await ServerProcess.started()
      let denied = try await DistlogClientProcess(server, as: "nobody").run(
        ["produce", "value", "-o", "json"])
      let error = try Self.object("error", denied.errorOutput)
      #expect(error["code"] as? String == "ACL_DENIED")
      #expect((error["message"] as? String)?.contains("nobody not permitted") == true)
      #expect(error["hint"] is String)
      #expect(denied.output == "")
      let usage = try await DistlogClientProcess(server).run(["consume", "-o", "json", "--bad"])
      #expect(try Self.object("error", usage.errorOutput)["code"] as? String == "USAGE")
      let produced = try await DistlogClientProcess(server).run(["-o", "json", "produce", "a", "b"])
      let summary = try Self.object("summary", produced.errorOutput)
      #expect("\(summary["records"] ?? "")" == "2")
      #expect("\(summary["lastOffset"] ?? "")" == "1")
    }

    @Test func `the summary is one line`() async throws {
      let server = try await ServerProcess.started()
      let client = DistlogClientProcess(server)
      let produced = try await client.run(
        ["produce"], input: String(repeating: "word\n", count: 1234))
      let time = #"[0-9.]+ (µs|us|ms|s|min|h)"#
      #expect(
        Self.matches(
          produced.errorOutput, "^1,234 records, 4.8 KiB, \(time), p99 \(time), last offset 1233\n$"
        ),
        "\(produced.errorOutput)")
      let consumed = try await client.run(["consume", "--from", "tail:2", "--to", "end"])
      #expect(
        Self.matches(consumed.errorOutput, "^2 records, 8 B, \(time), last offset 1233\n$"),
        "\(consumed.errorOutput)")
    }

    @Test func `the version names the program and its libraries`() async throws {
      let program = try Programs.path("distlog-client")
      let text = try await blocking { try Subprocess.check([program, "--version"]) }
      #expect(
        Self.matches(
          text, #"^distlog-client [0-9]+\.[0-9]+\.[0-9]+\nOpenSSL [^\n]+\nnghttp2 [^\n]+\n$"#),
        "\(text)")
    }

    private static func matches(_ text: String, _ pattern: String) -> Bool {
      text.range(of: pattern, options: .regularExpression) != nil
    }

    /// The only line of a text, an object under one name.
    private static func object(_ name: String, _ text: String) throws -> [String: Any] {
      let value = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      return try #require(value?[name] as? [String: Any], "\(text)")
    }
  }
}
