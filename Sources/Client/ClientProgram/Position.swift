/// Where reading begins, as `--from` names it.
package enum StartPosition: Equatable, Sendable {
  case earliest
  /// At the newest record.
  case latest
  /// Only what is written after the call.
  case next
  /// So many records before the end.
  case tail(UInt64)
  case offset(UInt64)
  case time(TimePoint)

  package static let forms = "earliest, latest, next, tail:N, an offset or @TIME"

  package static func parse(_ text: String) -> StartPosition? {
    switch text {
    case "earliest", "beginning": return .earliest
    case "latest": return .latest
    case "next": return .next
    default: break
    }
    if text.hasPrefix("tail:") { return UInt64(text.dropFirst(5)).map { .tail($0) } }
    if text.hasPrefix("@") { return TimePoint.parse(String(text.dropFirst())).map { .time($0) } }
    return UInt64(text).map { .offset($0) }
  }
}

/// Where reading ends, as `--to` names it.
package enum StopPosition: Equatable, Sendable {
  /// The end of the log as it was at the call.
  case end
  /// Before this offset.
  case offset(UInt64)
  /// Before the first record at or after this time.
  case time(TimePoint)

  package static let forms = "end, an offset or @TIME"

  package static func parse(_ text: String) -> StopPosition? {
    if text == "end" { return .end }
    if text.hasPrefix("@") { return TimePoint.parse(String(text.dropFirst())).map { .time($0) } }
    return UInt64(text).map { .offset($0) }
  }
}
