import TestSupport
import Testing

/// distlog-sim as it is called; what it finds is SimulationTests' matter.
@Suite struct SimulatorProgramTests {
  private func simulate(_ arguments: String...) throws -> Subprocess {
    try Subprocess.run([try Programs.path("distlog-sim")] + arguments, timeoutSeconds: 120)
  }

  /// However wide the columns are.
  private func words(_ text: String) -> String {
    text.split(separator: " ").joined(separator: " ")
  }

  @Test func `a broken rule that the oracle sees is found`() throws {
    let run = try simulate("--mutant", "acknowledgedBeforeSync", "--seconds", "8", "--no-shrink")
    #expect(run.status == 0, "\(run)")
    #expect(words(run.output).contains("acknowledgedBeforeSync 1 1 n"), "\(run)")
    #expect(run.output.contains(" acknowledges offset "), "\(run)")
    #expect(run.output.contains("1 of 1 found"), "\(run)")
  }

  @Test func `a broken rule that ends in an assertion is found`() throws {
    let run = try simulate("--mutant", "truncatesOnShortAppend", "--seconds", "8", "--no-shrink")
    #expect(run.status == 0, "\(run)")
    #expect(
      words(run.output).contains("truncatesOnShortAppend 1 1 an assertion failed: "), "\(run)")
    #expect(run.output.contains("is committed"), "what a debug build's assertion says: \(run)")
  }

  @Test func `a broken rule that is not found is a failure`() throws {
    // Without any fault nobody votes twice.
    let run = try simulate("--mutant", "voteNotPersisted", "--seconds", "5", "--profile", "calm")
    #expect(run.status == 10, "\(run)")
    #expect(words(run.output).contains("voteNotPersisted 1 - NOT FOUND"), "\(run)")
  }

  @Test func `what is no mutant is a usage error`() throws {
    let run = try simulate("--mutant", "none")
    #expect(run.status == 64, "\(run)")
    #expect(run.errorOutput.contains("there is no mutant none; --list-mutants lists them"))
  }
}
