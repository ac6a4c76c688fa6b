import Testing

@testable import LogService

struct GroupTimingTests {
  private let millisecond: UInt64 = 1_000_000

  @Test func `the first write starts at once`() {
    #expect(GroupTiming().start(gathered: 1, now: 5) == nil)
  }

  @Test func `a lone caller never waits`() {
    var timing = GroupTiming()
    timing.starts(gathered: 1)
    timing.wrote(1, took: 4 * millisecond, gathered: 0, now: 10 * millisecond)
    #expect(timing.start(gathered: 1, now: 10 * millisecond + 1) == nil)
  }

  @Test func `callers that were answered are waited for, one write at most`() {
    var timing = GroupTiming()
    timing.starts(gathered: 128)
    timing.wrote(128, took: millisecond, gathered: 128, now: 10 * millisecond)
    let latest = 11 * millisecond
    #expect(timing.start(gathered: 128, now: 10 * millisecond) == latest)
    #expect(timing.start(gathered: 255, now: latest - 1) == latest)
    #expect(timing.start(gathered: 256, now: 10 * millisecond + 1) == nil)
    #expect(timing.start(gathered: 128, now: latest) == nil)
  }

  @Test func `a slow disk is not waited for longer than two milliseconds`() {
    var timing = GroupTiming()
    timing.starts(gathered: 2)
    timing.wrote(2, took: 100 * millisecond, gathered: 1, now: 0)
    #expect(timing.start(gathered: 1, now: 0) == 2 * millisecond)
  }

  @Test func `a quick disk is not waited for`() {
    var timing = GroupTiming()
    timing.starts(gathered: 100)
    timing.wrote(100, took: 40_000, gathered: 1, now: 7)
    #expect(timing.start(gathered: 1, now: 7) == nil)
  }

  @Test func `after a wait in which few came back the next groups do not wait`() {
    var timing = GroupTiming()
    timing.starts(gathered: 100)
    timing.wrote(100, took: millisecond, gathered: 10, now: 0)
    #expect(timing.start(gathered: 20, now: 1) != nil)
    timing.starts(gathered: 20)
    for _ in 0..<4 {
      timing.wrote(20, took: millisecond, gathered: 1, now: 0)
      #expect(timing.start(gathered: 1, now: 0) == nil)
      timing.starts(gathered: 21)
    }
    timing.wrote(20, took: millisecond, gathered: 1, now: 0)
    #expect(timing.start(gathered: 1, now: 0) != nil)
  }
}
