import Testing

@testable import LogService

@Suite struct SubmissionTests {
  /// Notes what it is told, in order.
  private final class Caller: ProduceWaiter {
    private(set) var told: [String] = []

    init() { super.init(subject: "tester") }

    override func committed(
      _ entries: UnsafeBufferPointer<Submission.Entry>, term: UInt64
    ) {
      for entry in entries { told.append("\(entry.firstOffset)") }
    }

    override func failed(_ entry: Submission.Entry, _ failure: LogFailure) {
      told.append("\(failure)")
    }
  }

  private let full = LogFailure.diskFull(file: "f")

  private func submission(_ requests: [(Caller, inline: Bool)]) -> Submission {
    let submission = Submission()
    for (caller, inline) in requests {
      [UInt8(1)].withUnsafeBytes {
        submission.add($0, count: 1, inlineFailure: inline, for: caller)
      }
    }
    return submission
  }

  private func place(_ submission: Submission, from offset: UInt64) -> Int {
    var next = offset
    return submission.placeEach { _, _ in
      defer { next += 1 }
      return (next, 0)
    } judge: { _, _, _ in
      .refused(full)
    }
  }

  @Test func `what a stream has on its way behind a refused request is not written`() {
    let (stream, other) = (Caller(), Caller())
    let first = submission([(stream, false)])
    let second = submission([(other, false), (stream, false), (other, false)])
    first.refuse(full)
    first.resolve(.success(1))
    #expect(place(second, from: 5) == 2)
    second.resolve(.success(1))
    #expect(stream.told == ["\(full)", "\(full)"])
    #expect(other.told == ["5", "6"])
  }

  @Test func `a repeat of what is committed stays one when the rest is taken back`() {
    let (known, early, new) = (Caller(), Caller(), Caller())
    let submission = Submission()
    for (number, caller) in [known, early, new].enumerated() {
      [UInt8(number)].withUnsafeBytes {
        submission.add($0, count: 1, isJudged: caller !== new, for: caller)
      }
    }
    let placed = submission.placeEach { _, _ in
      (12, 0)
    } judge: { request, _, _ in
      .duplicate(firstOffset: request[0] == 0 ? 4 : 11)
    }
    #expect(placed == 3)
    submission.refuse(full, butDuplicatesBelow: 10)
    submission.resolve(.success(1))
    #expect(known.told == ["4"])
    #expect(early.told == ["\(full)"], "what it repeats is taken back with the rest")
    #expect(new.told == ["\(full)"])
  }

  @Test func `a stream that takes failures in line goes on behind one`() {
    let stream = Caller()
    let first = submission([(stream, true)])
    let second = submission([(stream, true)])
    first.refuse(full)
    first.resolve(.success(1))
    #expect(place(second, from: 0) == 1)
    second.resolve(.success(1))
    #expect(stream.told == ["\(full)", "0"])
  }

  @Test func `a group's failure is told to all that have none of their own`() {
    let (one, two) = (Caller(), Caller())
    let refused = submission([(one, false)])
    refused.refuse(full)
    let late = submission([(one, false), (two, false)])
    #expect(place(late, from: 0) == 1)
    late.refuse(.outcomeUnknown(reason: "r"))
    late.resolve(.success(1))
    #expect(one.told == ["\(full)"])
    #expect(two.told == ["\(LogFailure.outcomeUnknown(reason: "r"))"])
  }
}
