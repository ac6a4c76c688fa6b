import GRPCWire
import LogAPI
import Testing

@testable import LogService

@Suite struct ConsumePlanTests {
  private let available: Range<UInt64> = 10..<20

  private func plan(_ change: (inout ConsumeRequest) -> Void) -> Result<ConsumePlan, Status> {
    var request = ConsumeRequest()
    change(&request)
    return ConsumePlan.make(request, available: available)
  }

  private func start(_ change: (inout ConsumeRequest) -> Void) -> ConsumePlan.Start? {
    try? plan(change).get().start
  }

  @Test func `each start resolves against the log's present range`() {
    #expect(start { $0.offset = 12 } == .at(12))
    #expect(start { $0.start = .earliest } == .at(10))
    #expect(start { $0.start = .latest } == .at(19))
    #expect(start { $0.start = .next } == .at(20))
    #expect(
      start {
        $0.start = .tail
        $0.offset = 3
      } == .at(17))
    #expect(
      start {
        $0.start = .tail
        $0.offset = 300
      } == .at(10))
    #expect(
      start {
        $0.start = .timestamp
        $0.startTimestampUnixNano = 5
      } == .timestamp(5))
  }

  @Test func `the latest of an empty log is where the next record will be`() throws {
    var request = ConsumeRequest()
    request.start = .latest
    #expect(try ConsumePlan.make(request, available: 7..<7).get().start == .at(7))
  }

  @Test func `an offset below the start fails, or goes on and says how many were lost`() throws {
    #expect(throws: Status.self) { try plan { $0.offset = 3 }.get() }
    let earliest = try plan {
      $0.offset = 3
      $0.onTruncated = .earliest
    }.get()
    #expect(earliest.start == .at(10))
    #expect(earliest.lost == 7)
    let next = try plan {
      $0.offset = 3
      $0.onTruncated = .next
    }.get()
    #expect(next.start == .at(20))
    #expect(next.lost == 17)
  }

  @Test func `a stop at the end is the end at the call`() throws {
    #expect(
      try plan {
        $0.stop = .end; $0.offset = 10
      }.get().stop == .offset(20))
  }

  @Test func `values outside the enums and unknown logs are refused`() {
    let refusals: [(inout ConsumeRequest) -> Void] = [
      { $0.start = StartFrom(rawValue: 77) }, { $0.stop = StopAt(rawValue: 77) },
      { $0.consistency = ReadConsistency(rawValue: 9) },
      { $0.onTruncated = OnTruncated(rawValue: 9) }, { $0.log = "other" },
    ]
    for change in refusals {
      #expect(throws: Status.self) { try plan(change).get() }
    }
  }
}
