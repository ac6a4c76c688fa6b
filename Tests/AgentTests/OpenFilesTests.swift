import Agent
import Testing

@Suite struct OpenFilesTests {
  @Test func `a high limit leaves the configured number of connections`() throws {
    #expect(try OpenFiles.connections(wanted: 10_000, limit: 65_536, segments: 100) == 10_000)
  }

  @Test func `segments and a reserve go before connections`() throws {
    #expect(try OpenFiles.connections(wanted: 10_000, limit: 1024, segments: 10) == 876)
    #expect(try OpenFiles.connections(wanted: 10_000, limit: 1024, segments: 440) == 16)
  }

  @Test func `too few are refused with the limit to set`() throws {
    let error = #expect(throws: ConfigurationError.self) {
      _ = try OpenFiles.connections(wanted: 10_000, limit: 1024, segments: 441)
    }
    let text = try #require(error).description
    #expect(text.contains("1024") && text.contains("raise it to 11010"), "\(text)")
  }

  @Test func `a server configured for few connections needs no more`() throws {
    #expect(try OpenFiles.connections(wanted: 2, limit: 132, segments: 1) == 2)
  }
}
