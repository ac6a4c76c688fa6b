import TestSupport
import Testing

/// What these tests rest on: a script that does less than it should is a failure.
@Suite struct HarnessTests {
  private func run(_ text: String, timeoutSeconds: Double = 30) async throws
    -> PythonScript.Report
  {
    let folder = try TemporaryFolder()
    let script = PythonScript(file: try folder.write(text, to: "script.py"))
    return try await script.run(timeoutSeconds: timeoutSeconds)
  }

  @Test func `a script with all its checks passes`() async throws {
    let report = try await run("print('ok one'); print('some words'); print('ok two')")
    #expect(report.faults(expecting: ["one", "two"]) == [])
  }

  @Test func `a script that stops early fails, whatever its exit code`() async throws {
    let report = try await run("print('ok one'); raise SystemExit(0); print('ok two')")
    #expect(report.faults(expecting: ["one", "two"]).first == "not ok: two")
  }

  @Test func `a failed check fails with its words`() async throws {
    let report = try await run("print('ok one'); print('FAIL two: it is broken')")
    #expect(report.faults(expecting: ["one", "two"]).first == "two: it is broken")
  }

  @Test func `a check that nobody expects fails`() async throws {
    let report = try await run("print('ok one'); print('ok three')")
    #expect(
      report.faults(expecting: ["one"]).first == "not expected, add to the list: three")
  }

  @Test func `a bad exit code fails although every check is ok`() async throws {
    let report = try await run("print('ok one'); raise SystemExit(3)")
    #expect(report.faults(expecting: ["one"]).first == "exit code 3")
  }

  @Test func `a script that hangs is ended`() async throws {
    await #expect(throws: Subprocess.Failure.self) {
      _ = try await run("import time; time.sleep(600)", timeoutSeconds: 1)
    }
  }
}
