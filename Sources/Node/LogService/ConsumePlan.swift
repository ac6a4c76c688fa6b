import GRPCWire
import LogAPI

/// Where a consume call begins and ends, decided from the request and the log's present range.
struct ConsumePlan {
  enum Start: Equatable {
    case at(UInt64)
    /// Needs a look-up on disk.
    case timestamp(UInt64)
  }

  enum Stop: Equatable {
    case never
    /// Before this offset.
    case offset(UInt64)
    /// Before the first record at or after this time, nanoseconds since 1970.
    case timestamp(UInt64)
  }

  var start: Start
  var stop: Stop
  /// Records that retention removed between the offset asked for and the first one served.
  var lost: UInt64 = 0

  /// - Parameter available: the log's first offset ..< the next to be given out.
  static func make(
    _ request: ConsumeRequest, available: Range<UInt64>
  ) -> Result<ConsumePlan, Status> {
    guard LogName.isDefault(request.log) else { return .failure(.noSuchLog(request.log)) }
    let stop: Stop
    switch request.stop {
    case .never: stop = .never
    case .end: stop = .offset(available.upperBound)
    case .offset: stop = .offset(request.stopOffset)
    case .timestamp: stop = .timestamp(request.stopTimestampUnixNano)
    default:
      return .failure(.invalid("stop", "\(request.stop.rawValue) is not a StopAt"))
    }
    guard
      [.local, .linearizable].contains(request.consistency)
    else {
      return .failure(
        .invalid("consistency", "\(request.consistency.rawValue) is not a ReadConsistency"))
    }
    let first: UInt64
    switch request.start {
    case .offset: first = request.offset
    case .earliest: first = available.lowerBound
    case .latest: first = available.last ?? available.lowerBound
    case .next: first = available.upperBound
    case .tail:
      first = available.upperBound - min(request.offset, UInt64(available.count))
    case .timestamp:
      return .success(
        ConsumePlan(start: .timestamp(request.startTimestampUnixNano), stop: stop))
    default:
      return .failure(.invalid("start", "\(request.start.rawValue) is not a StartFrom"))
    }
    return clamp(
      ConsumePlan(start: .at(first), stop: stop), first, request.onTruncated, available)
  }

  /// Applies `on_truncated` to an offset below the log's start.
  static func clamp(
    _ plan: ConsumePlan, _ first: UInt64, _ policy: OnTruncated, _ available: Range<UInt64>
  ) -> Result<ConsumePlan, Status> {
    guard first < available.lowerBound else { return .success(plan) }
    var plan = plan
    switch policy {
    case .fail:
      return .failure(.offsetTruncated(offset: first, start: available.lowerBound))
    case .earliest:
      plan.start = .at(available.lowerBound)
      plan.lost = available.lowerBound - first
    case .next:
      plan.start = .at(available.upperBound)
      plan.lost = available.upperBound - first
    default:
      return .failure(.invalid("on_truncated", "\(policy.rawValue) is not an OnTruncated"))
    }
    return .success(plan)
  }
}
