import Foundation
import TestSupport
import Testing

extension RealProcesses {
  /// Input and output that are closed, full or not what they should be: told, never altered or lost.
  @Suite struct ClientInputTests {
    @Test func `a closed standard input is an empty one`() async throws {
      let server = try await ServerProcess.started()
      let folder = try TemporaryFolder()
      // The limit is there for a program that never ends, and survives SIGTERM.
      let run = try await ClientRun.script(
        """
        timeout -s KILL 20 "$@" produce <&-; echo $?
        timeout -s KILL 20 "$@" produce value <&- >&- 2>&-; echo $?
        timeout -s KILL 20 "$@" consume >&-; echo $?
        """, server, in: folder)
      #expect(run.output == "0\n0\n74\n", "\(run.errorOutput)")
      #expect(run.errorOutput.hasPrefix("0 records, "), "\(run.errorOutput)")
      let read = try await DistlogClientProcess(server).run(["consume"])
      #expect(read.output == "value\n")
    }

    @Test func `SIGTERM ends what waits as Ctrl-C does`() async throws {
      let server = try await ServerProcess.started()
      let folder = try TemporaryFolder()
      _ = try await DistlogClientProcess(server).run(["produce", "one"])
      let follower = try ClientRun(server, ["tail"])
      #expect(try await follower.line() == "one")
      follower.interrupt(SIGTERM)
      #expect(try await follower.ended().status == 130)
      #expect(follower.errorOutput.hasPrefix("1 record, "), "\(follower.errorOutput)")
      let producer = try ClientRun(server, ["produce", "--ack-output", "offsets"])
      producer.write("two\n")
      #expect(try await producer.line() == "1")
      producer.interrupt(SIGTERM)
      #expect(try await producer.ended().status == 130)
      #expect(producer.errorOutput.hasPrefix("1 record, "), "\(producer.errorOutput)")
      let pipe = try await ClientRun.script(
        """
        mkfifo fifo  # nobody writes to it at first
        timeout -k 10 1 "$@" produce --file fifo; echo $?
        (echo three; echo four) > fifo & "$@" produce --file fifo; echo $?
        """, server, in: folder)
      #expect(pipe.output == "124\n0\n", "\(pipe.errorOutput)")
    }

    @Test(arguments: [
      ["consume"], ["produce", "--batch", "1", "--ack-output", "json", "--file", "in"],
    ])
    func `an interrupt ends a program whose output nobody reads`(arguments: [String]) async throws {
      let server = try await ServerProcess.started()
      let folder = try TemporaryFolder()
      let input = try folder.write(String(repeating: "1234567\n", count: 20_000), to: "in")
      _ = try await DistlogClientProcess(server).run(["produce", "--file", input])
      let run = try ClientRun(server, arguments.map { $0 == "in" ? input : $0 })
      // One line is read, which shows that it writes; the rest fills the pipe.
      #expect(try await run.line() != nil)
      run.interrupt(SIGTERM)
      #expect(try await run.says(", last offset "), "\(run.errorOutput)")
      #expect(try await run.ended().status == 130)
    }

    @Test func `an argument that is not UTF-8 is refused, not altered`() async throws {
      let server = try await ServerProcess.started()
      let folder = try TemporaryFolder()
      let run = try await ClientRun.script(
        #"""
        "$@" produce $'a\xffb'; echo $?
        "$@" produce --key $'\xc3' value; echo $?
        "$@" produce $'\xc3\xbc' 2> /dev/null; echo $?
        "$@" consume 2> /dev/null
        """#, server, in: folder)
      #expect(run.output == "64\n64\n0\n\u{fc}\n", "\(run.errorOutput)")
      #expect(run.errorOutput.contains(#"$'a\xffb', is not UTF-8"#), "\(run.errorOutput)")
      #expect(run.errorOutput.contains("--file"), "\(run.errorOutput)")
    }

    @Test func `a time before 1970 is refused for records and the earliest for readers`()
      async throws
    {
      let server = try await ServerProcess.started()
      let client = DistlogClientProcess(server)
      for time in ["-30000d", "1969-12-31T23:59:59Z", "1970-01-01", "0"] {
        let run = try await client.run(["produce", "--timestamp", time, "value"])
        #expect(run.status == 64, "\(time): \(run.errorOutput)")
        #expect(run.errorOutput.contains("1970"), "\(time): \(run.errorOutput)")
      }
      _ = try await client.run(["produce", "value"])
      for time in ["@-30000d", "@1960-01-01", "@0"] {
        let all = try await client.run(["consume", "--from", time])
        #expect(all.status == 0 && all.output == "value\n", "\(time): \(all.errorOutput)")
        let none = try await client.run(["consume", "--to", time])
        #expect(none.status == 0 && none.output == "", "\(time): \(none.errorOutput)")
      }
    }

    @Test func `the summary counts what was written`() async throws {
      let server = try await ServerProcess.started()
      let folder = try TemporaryFolder()
      _ = try await DistlogClientProcess(server).run(
        ["produce"], input: String(repeating: "1234567\n", count: 1_000))
      let run = try await ClientRun.script(
        """
        "$@" consume > /dev/full; echo $?
        echo -- >&2
        trap '' XFSZ; ulimit -f 1; "$@" consume > part; echo $?
        """, server, in: folder)
      #expect(run.output == "74\n74\n", "\(run.errorOutput)")
      let parts = run.errorOutput.components(separatedBy: "--\n")
      #expect(parts.count == 2 && !parts[0].contains("record"), "\(run.errorOutput)")
      // 1 KiB, which is what bash counts in, holds 128 of these records.
      let size = try Data(contentsOf: URL(fileURLWithPath: folder.file("part"))).count
      #expect(size == 1024)
      #expect(parts.last?.hasPrefix("128 records, 896 B, ") == true, "\(run.errorOutput)")
      #expect(parts.last?.contains("last offset 127\n") == true, "\(run.errorOutput)")
    }

    @Test func `a member that a record does not have is named with its line`() async throws {
      let server = try await ServerProcess.started()
      let run = try await DistlogClientProcess(server).run(
        ["produce", "--frame", "json"],
        input: #"{"value":"YQ=="}"# + "\n\n" + #"{"value":"Yg==","kye":"aw=="}"# + "\n")
      #expect(run.status == 64)
      #expect(
        run.errorOutput.contains(#"line 3 of standard input: "kye" is no member of a record"#),
        "\(run.errorOutput)")
    }
  }
}
