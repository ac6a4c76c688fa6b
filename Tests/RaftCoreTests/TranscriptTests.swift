import Foundation
import RaftCore
import TestSupport
import Testing

/// Whole scenarios as text, to be read and reviewed: what was done, and all that the cores made of it.
///
/// With DISTLOG_REWRITE=1 the files are written anew; the change is then seen as a diff.
@Suite struct TranscriptTests {
  static let folder = Programs.repository + "/Tests/RaftCoreTests/Transcripts"

  static var names: [String] {
    let found = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return found.filter { $0.hasSuffix(".txt") }.sorted()
  }

  @Test(arguments: names)
  func `the transcript is what happens`(_ name: String) throws {
    let path = Self.folder + "/" + name
    let kept = try String(contentsOfFile: path, encoding: .utf8)
    let now = try Transcript.run(kept)
    if Programs.environment("DISTLOG_REWRITE") != nil {
      try now.write(toFile: path, atomically: true, encoding: .utf8)
    }
    #expect(now == kept, "\(name) differs; DISTLOG_REWRITE=1 writes it anew, then look at the diff")
  }

  @Test func `there are transcripts, and they say what happened`() throws {
    #expect(Self.names.count >= 6)
    let text = try Transcript.run("nodes 1\ntimeout n1\n")
    #expect(text.contains("n1 leads term 1, no-op 1"))
  }
}
