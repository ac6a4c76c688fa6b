import Foundation
import TestSupport
import Testing

extension RealProcesses {
  /// The real `distlog-client` against a real server.
  @Suite struct ClientProgramTests {
    @Test func `lines come back byte for byte after the server was killed`() async throws {
      let server = try await ServerProcess.started(["--storage-segment-bytes": "1MiB"])
      // Empty lines, spaces and other alphabets are data like any other.
      let lines = (0..<20_000).map { number in
        switch number % 4 {
        case 0: ""
        case 1: "  line \(number) with spaces at its end  "
        case 2: "Zeile \(number) \u{00fc}\u{4e2d}\u{1f600}"
        default: String(repeating: "x", count: number % 300)
        }
      }
      let text = lines.joined(separator: "\n") + "\n"
      let produced = try await DistlogClientProcess(server).run(["produce"], input: text)
      #expect(produced.status == 0, "\(produced.errorOutput)")
      #expect(produced.errorOutput.contains("20,000 records"), "\(produced.errorOutput)")
      try await blocking {
        server.kill()
        try server.start()
      }
      let consumed = try await DistlogClientProcess(server).run([
        "consume", "--from", "earliest", "--to", "end",
      ])
      #expect(consumed.status == 0, "\(consumed.errorOutput)")
      #expect(consumed.output == text, "not the same bytes")
      #expect(try await blocking { try server.terminate() } == 0)
    }

    @Test(arguments: ["lines", "nul", "length", "json"])
    func `what is produced is consumed byte for byte`(framing: String) async throws {
      let server = try await ServerProcess.started()
      let folder = try TemporaryFolder()
      var random = SplitMix64(state: 7)
      var input = Data()
      for number in 0..<3_000 {
        let count = number % 50 == 0 ? 0 : Int(random.next() % 300)
        // Any bytes but the one that ends a record; with a length before it, any at all.
        var value = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        switch framing {
        case "lines": input += value.map { $0 == 0x0A ? 0 : $0 } + [0x0A]
        case "nul": input += value.map { $0 == 0 ? 0x0A : $0 } + [0]
        case "length": input += withUnsafeBytes(of: UInt32(count).bigEndian) { $0 + value }
        default:
          value = Array(Data(value).base64EncodedString().utf8)
          input += Array("{\"value\":\"".utf8) + value + Array("\"}\n".utf8)
        }
      }
      try input.write(to: URL(fileURLWithPath: folder.file("in")))
      let run = try await ClientRun.script(
        """
        set -e
        "$@" produce --frame \(framing) --file in
        "$@" produce --frame \(framing) < in
        "$@" consume --frame \(framing) > out
        """, server, in: folder)
      #expect(run.status == 0, "\(run.errorOutput)")
      var output = try Data(contentsOf: URL(fileURLWithPath: folder.file("out")))
      if framing == "json" {
        // Offsets and times come with it.
        let text = String(decoding: output, as: UTF8.self)
        let values = try text.split(separator: "\n").map { line in
          let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
          return "{\"value\":\"\(object?["value"] as? String ?? "?")\"}\n"
        }
        output = Data(values.joined().utf8)
      }
      #expect(output == input + input, "not the same bytes")
    }

    @Test func `acknowledged offsets are those that are read back`() async throws {
      let server = try await ServerProcess.started()
      let client = DistlogClientProcess(server)
      let produced = try await client.run(
        ["produce", "--batch", "3", "--ack-output", "json"],
        input: (0..<10).map { "value \($0)\n" }.joined())
      #expect(produced.status == 0, "\(produced.errorOutput)")
      var offsets: [Int] = []
      for line in produced.output.split(separator: "\n") {
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        let first = try #require(Int("\(object?["offset"] ?? "")"), "\(line)")
        let last = try #require(Int("\(object?["lastOffset"] ?? "")"), "\(line)")
        #expect(object?["durability"] as? String == "DURABILITY_QUORUM_SYNCED", "\(line)")
        offsets += first...last
      }
      let consumed = try await client.run(["consume", "--format", "%o=%v"])
      let expected = offsets.enumerated().map { "\($1)=value \($0)\n" }.joined()
      #expect(offsets.count == 10 && consumed.output == expected, "\(consumed.output)")
      let each = try await client.run(["produce", "a", "b", "--ack-output", "offsets"])
      #expect(each.output == "10\n11\n")
    }

    @Test func `a reader that goes away is no failure`() async throws {
      let server = try await ServerProcess.started()
      let folder = try TemporaryFolder()
      let run = try await ClientRun.script(
        """
        seq 200000 | "$@" produce
        "$@" consume | head -n 1
        echo "${PIPESTATUS[@]}"
        """, server, in: folder)
      #expect(run.output == "1\n0 0\n", "\(run.errorOutput)")
      #expect(!run.errorOutput.contains("error"), "\(run.errorOutput)")
    }

    @Test func `an interrupted follower gives its summary`() async throws {
      let server = try await ServerProcess.started()
      let produced = try await DistlogClientProcess(server).run(["produce", "one", "two"])
      #expect(produced.status == 0, "\(produced.errorOutput)")
      let follower = try ClientRun(server, ["consume", "--follow"])
      #expect(try await follower.line() == "one")
      #expect(try await follower.line() == "two")
      follower.interrupt()
      #expect(try await follower.ended().status == 130)
      let text = follower.errorOutput
      #expect(text.hasPrefix("2 records, 6 B, ") && text.hasSuffix(", last offset 1\n"), "\(text)")
    }

    @Test func `an interrupted producer sends what it has and gives its summary`() async throws {
      let server = try await ServerProcess.started()
      let producer = try ClientRun(server, ["produce", "--ack-output", "offsets"])
      producer.writeNumbersWithoutEnd()
      for number in 0..<100 { #expect(try await producer.line() == "\(number)") }
      producer.interrupt()
      let (status, rest) = try await producer.ended()
      #expect(status == 130, "\(producer.errorOutput)")
      let acknowledged = 100 + rest.split(separator: "\n").count
      #expect(producer.errorOutput.contains(", last offset \(acknowledged - 1)\n"))
      let read = try await DistlogClientProcess(server).run(["consume"])
      #expect(read.output == (0..<acknowledged).map { "\($0)\n" }.joined())
    }

    @Test func `a follower reads on when the server was killed`() async throws {
      // At the same address again: nobody listens where a server just was.
      let server = try await ServerProcess.started(["--listen": try await Self.freeAddress()])
      let client = DistlogClientProcess(server)
      _ = try await client.run(["produce", "before"])
      let follower = try ClientRun(server, ["consume", "--follow"])
      #expect(try await follower.line() == "before")
      try await blocking { server.kill() }
      #expect(try await follower.says("reading on over a new connection"))
      try await blocking { try server.start() }
      _ = try await client.run(["produce", "after"])
      #expect(try await follower.line() == "after")
      follower.interrupt()
      #expect(try await follower.ended().status == 130)
    }

    @Test func `a record that is too large is named, and so is what was acknowledged`() async throws
    {
      let server = try await ServerProcess.started()
      let client = DistlogClientProcess(server)
      let long = String(repeating: "x", count: (1 << 20) + 1)
      let large = try await client.run(["produce", "--batch", "1"], input: "a\nb\nc\n\(long)\nd\n")
      #expect(large.status == 1)
      for words in [
        "line 4 (1,048,577 bytes)", "1048576", "3 records were acknowledged", "offset 2",
      ] {
        #expect(large.errorOutput.contains(words), "\(words): \(large.errorOutput)")
      }
      // Longer than a request may be: refused before it is sent.
      let huge = try await client.run(
        ["produce", "--batch", "1"], input: "e\n" + String(repeating: "x", count: 5 << 20))
      #expect(huge.status == 1)
      for words in [
        "line 2 of standard input", "a request holds 4,19",
        "; 1 record was acknowledged, at offset 3",
      ] {
        #expect(huge.errorOutput.contains(words), "\(words): \(huge.errorOutput)")
      }
      let read = try await client.run(["consume"])
      #expect(read.output == "a\nb\nc\ne\n")
    }

    @Test func `a server killed under a producer leaves told what is unknown`() async throws {
      let server = try await ServerProcess.started()
      let producer = try ClientRun(
        server, ["produce", "--batch", "5", "--ack-output", "offsets", "--timeout", "2s"])
      // Some of it is under way whenever the server dies.
      producer.writeNumbersWithoutEnd()
      for _ in 0..<200 { _ = try await producer.line() }
      try await blocking { server.kill() }
      let (status, rest) = try await producer.ended()
      let text = producer.errorOutput
      #expect(status == 75, "\(text)")
      let acknowledged = 200 + rest.split(separator: "\n").count
      let unknown = text.firstMatch(of: /from line (\d+) on records may or may not be in the log/)
      #expect(unknown.map { Int($0.1) } == acknowledged + 1, "\(text)")
      #expect(text.contains("records were acknowledged, the last at offset \(acknowledged - 1)"))
      try await blocking { try server.start() }
      let read = try await DistlogClientProcess(server).run(["consume"])
      let lines = read.output.split(separator: "\n").map { Int($0) }
      #expect(lines.count >= acknowledged)
      #expect(lines == (0..<lines.count).map { $0 }, "not the lines in their order")
    }

    private static func freeAddress() async throws -> String {
      let server = try await ServerProcess.started()
      let address = server.address
      try await blocking { server.kill() }
      return address
    }
  }
}
