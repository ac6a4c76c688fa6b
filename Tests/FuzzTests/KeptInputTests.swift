import Foundation
import FuzzTargets
import Testing

/// Every input that `make fuzz` kept, without the fuzzer.
@Suite struct KeptInputTests {
  private static let corpus = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Corpus")

  @Test(arguments: FuzzTarget.allCases)
  func `no kept input crashes, hangs or makes anything untrue`(target: FuzzTarget) throws {
    let folder = Self.corpus.appending(path: target.rawValue)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(files.count > 3, "the corpus of \(target.rawValue) is missing")
    let clock = ContinuousClock()
    for file in files {
      let input = try Data(contentsOf: folder.appending(path: file))
      let started = clock.now
      #expect(throws: Never.self, "\(target.rawValue)/\(file)") {
        try input.withUnsafeBytes { try target.run($0) }
      }
      #expect(clock.now - started < .seconds(5), "\(target.rawValue)/\(file)")
    }
  }

  @Test(arguments: FuzzTarget.allCases)
  func `every seed is taken`(target: FuzzTarget) throws {
    #expect(target.seeds.count > 3)
    for (number, seed) in target.seeds.enumerated() {
      #expect(seed.count <= target.maxInputBytes)
      #expect(throws: Never.self, "\(target.rawValue), seed \(number)") {
        try seed.withUnsafeBytes { try target.run($0) }
      }
    }
  }
}
