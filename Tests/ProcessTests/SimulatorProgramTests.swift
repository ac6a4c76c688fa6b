import TestSupport
import Testing

/// distlog-sim as it is called; what it finds is SimulationTests' matter.
@Suite struct SimulatorProgramTests {
  private func simulate(_ arguments: String...) throws -> Subprocess {
    try Subprocess.run([try Programs.path("distlog-sim")] + arguments, timeoutSeconds: 120)
  }

  @Test func `a broken rule that the oracle sees is found`() throws {
    let run = try simulate("--mutant", "acknowledgedBeforeSync", "--seconds", "8")
    #expect(run.status == 0, "\(run)")
    #expect(run.output.contains("acknowledgedBeforeSync: found in 1 runs by seed 1: "))
  }

  @Test func `a broken rule that ends in an assertion is found`() throws {
    let run = try simulate("--mutant", "truncatesOnShortAppend", "--seconds", "8")
    #expect(run.status == 0, "\(run)")
    #expect(run.output.contains("truncatesOnShortAppend: found by an assertion: "))
    #expect(run.output.contains("is committed"), "what a debug build's assertion says: \(run)")
  }

  @Test func `a broken rule that is not found is a failure`() throws {
    // Without any fault nobody votes twice.
    let run = try simulate("--mutant", "voteNotPersisted", "--seconds", "5", "--profile", "calm")
    #expect(run.status == 10, "\(run)")
    #expect(run.output.contains("voteNotPersisted: NOT FOUND in 1 runs"))
  }

  @Test func `what is no mutant is a usage error`() throws {
    let run = try simulate("--mutant", "none")
    #expect(run.status == 64, "\(run)")
    #expect(run.errorOutput.contains("there is no mutant none; --list-mutants lists them"))
  }
}
