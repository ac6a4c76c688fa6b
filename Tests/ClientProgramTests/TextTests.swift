import DistlogClient
import Testing

@testable import ClientProgram

struct TextTests {
  @Test func `the summary is the one line that is documented`() {
    var summary = Summary()
    summary.records = 12_000
    summary.bytes = 3_250_586
    summary.elapsed = .milliseconds(2_400)
    summary.latency99 = .microseconds(6_100)
    summary.lastOffset = 48_213
    #expect(summary.line == "12,000 records, 3.1 MiB, 2.4 s, p99 6.1 ms, last offset 48213")
    #expect(Summary().line == "0 records, 0 B, 0 ns")
  }

  @Test(arguments: [
    ("500ms", Duration.milliseconds(500)), ("1h30m", .seconds(5_400)),
    ("2.5s", .milliseconds(2_500)),
    ("0", .zero), ("10us", .microseconds(10)), ("1d", .seconds(86_400)),
  ])
  func `durations are read with their units`(text: String, duration: Duration) {
    #expect(DurationText.parse(text) == duration)
  }

  @Test(arguments: ["", "5", "ms", "1x", "1h-3m", "1 s", "99999999999h"])
  func `what is no duration is refused`(text: String) {
    #expect(DurationText.parse(text) == nil)
  }

  @Test func `sizes are read and written with binary units`() {
    #expect(ByteCountText.parse("64KiB") == 65_536)
    #expect(ByteCountText.parse("1MB") == 1_000_000)
    #expect(ByteCountText.parse("17") == 17)
    #expect(ByteCountText.parse("-1") == nil)
    #expect(ByteCountText.parse("99999999999TiB") == nil)
    #expect(ByteCountText.format(1_536) == "1.5 KiB")
  }

  @Test func `times are read in every documented form`() {
    #expect(TimePoint.parse("2026-11-23T01:50:13.5Z") == .at(1_795_398_613_500_000_000))
    #expect(TimePoint.parse("2026-11-23T03:50:13.5+02:00") == .at(1_795_398_613_500_000_000))
    #expect(TimePoint.parse("1970-01-01") == .at(0))
    #expect(TimePoint.parse("1700000000") == .at(1_700_000_000_000_000_000))
    #expect(TimePoint.parse("1700000000123") == .at(1_700_000_000_123_000_000))
    #expect(TimePoint.parse("1700000000123456789") == .at(1_700_000_000_123_456_789))
    #expect(TimePoint.parse("-1h") == .before(.seconds(3_600)))
    #expect(TimePoint.before(.seconds(1)).resolved(now: 5_000_000_000) == 4_000_000_000)
    #expect(TimePoint.before(.seconds(9)).resolved(now: 5_000_000_000) == 0)
    for wrong in [
      "", "x", "2026-13-01", "2026-02-29", "2026-01-01T25:00:00Z", "1e9", "2026-01-01T00:00",
    ] {
      #expect(TimePoint.parse(wrong) == nil, "\(wrong)")
    }
  }

  @Test(arguments: [21, 22, 23] as [UInt64])
  func `a time that is printed is read back`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<500 {
      let time = UInt64.random(in: 0...9_000_000_000_000_000_000, using: &random)
      #expect(CalendarTime.parse(CalendarTime.format(time)) == time, "seed \(seed)")
    }
    #expect(CalendarTime.format(951_782_400_000_000_001) == "2000-02-29T00:00:00.000000001Z")
  }

  @Test func `times before 1970 are zero, those past 64 bits are refused`() {
    #expect(TimePoint.parse("1969-12-31T23:59:59.999Z") == .at(0))
    #expect(TimePoint.parse("0001-01-01") == .at(0))
    #expect(CalendarTime.parse("1969-12-31T23:59:59Z") == nil)
    #expect(CalendarTime.parse("2262-04-11T23:47:16.999999999Z") == 9_223_372_036_999_999_999)
    #expect(CalendarTime.parse("2554-07-21T23:34:33.709551615Z") == .max)
    #expect(TimePoint.parse("2554-07-21T23:34:33.709551616Z") == nil)
    #expect(TimePoint.parse("9999-12-31") == nil)
  }

  @Test func `arguments that are not UTF-8 are refused, not altered`() throws {
    #expect(
      try ArgumentText.read([Array("a\u{fc}\u{1f600}".utf8), []]) == ["a\u{fc}\u{1f600}", ""])
    let wrong: [[UInt8]] = [
      [0x61, 0xFF, 0x62], [0xC3], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0xF4, 0x90, 0x80, 0x80],
    ]
    for bytes in wrong {
      #expect { try ArgumentText.read([Array("produce".utf8), bytes]) } throws: { error in
        let failure = error as? ProgramFailure
        return failure?.exitCode == .usage && failure?.message.hasPrefix("argument 2, $'") == true
          && failure?.hint?.contains("--file") == true
      }
    }
  }

  @Test func `positions are read in every documented form`() {
    #expect(StartPosition.parse("earliest") == .earliest)
    #expect(StartPosition.parse("tail:10") == .tail(10))
    #expect(StartPosition.parse("42") == .offset(42))
    #expect(StartPosition.parse("@-1h") == .time(.before(.seconds(3_600))))
    #expect(StartPosition.parse("-1") == nil)
    #expect(StopPosition.parse("end") == .end)
    #expect(StopPosition.parse("latest") == nil)
  }

  @Test func `percentiles are at most an eighth too high`() {
    var histogram = LatencyHistogram()
    #expect(histogram.percentile(0.99) == nil)
    for microseconds in 1...1_000 { histogram.record(.microseconds(microseconds)) }
    for fraction in [0.5, 0.9, 0.99, 1.0] {
      let exact = Duration.microseconds(1_000 * fraction)
      let measured = histogram.percentile(fraction) ?? .zero
      #expect(measured >= exact && measured <= exact * 1.125, "\(fraction)")
    }
  }

  @Test func `exit codes are those of the contract`() {
    let codes = ExitCode.allCases.map(\.rawValue)
    #expect(codes == [0, 1, 10, 11, 12, 64, 69, 70, 74, 75, 76, 77, 78, 130])
    func code(_ origin: DistlogError.Origin, _ code: String, _ reason: String? = nil) -> ExitCode {
      ExitCode(DistlogError(origin, code: code, reason: reason, ""))
    }
    #expect(code(.unreachable, "UNAVAILABLE") == .noServer)
    #expect(code(.unreachable, "UNAVAILABLE", "CONNECTION_LOST") == .temporary)
    #expect(code(.secureConnection, "UNAVAILABLE") == .protocolError)
    #expect(code(.configuration, "INVALID_ARGUMENT") == .configuration)
    #expect(code(.server, "PERMISSION_DENIED") == .permissionDenied)
    #expect(code(.server, "OUT_OF_RANGE") == .offsetOutOfRange)
    #expect(code(.client, "DEADLINE_EXCEEDED") == .temporary)
    #expect(code(.server, "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE") == .failure)
    #expect(code(.server, "RESOURCE_EXHAUSTED", "DISK_FULL") == .temporary)
    #expect(code(.server, "INTERNAL") == .internalError)
  }

  @Test func `errors are JSON when results are`() {
    var failure = ProgramFailure(.temporary, code: "NOT_LEADER", "a \"b\"\n", hint: "c")
    #expect(
      failure.text(asJSON: true)
        == #"{"error":{"code":"NOT_LEADER","message":"a \"b\"\n","hint":"c"}}"# + "\n")
    failure.isOutcomeUnknown = true
    #expect(failure.text(asJSON: true).contains(#""outcomeUnknown":true"#))
    #expect(failure.text(asJSON: false) == "error: a \"b\"\n\nhint: c\n")
  }
}
