import ClusterModel
import Testing

@Suite struct RequireTests {
  @Test func `what must hold and does not ends the process, with a sentence that says what`()
    async throws
  {
    let end = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let index = CommandLine.arguments.count + 7
      require(index < 0, "entry \(index > 0 ? "seven" : "none") is committed")
    }
    let said = String(decoding: end.standardErrorContent, as: UTF8.self)
    #expect(said.contains("Fatal error: entry seven is committed\n"), "\(said)")
  }

  @Test func `what is said is made only where it is needed`() {
    var made = 0
    func text() -> String {
      made += 1
      return ""
    }
    require(true, text())
    #expect(made == 0)
  }
}
