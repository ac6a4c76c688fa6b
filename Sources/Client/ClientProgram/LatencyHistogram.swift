/// Counts of durations in buckets that grow by an eighth: a percentile is at most 12.5 % too high.
package struct LatencyHistogram: Sendable {
  private static let bucketCount = 8 * 61 + 8
  private var counts = [UInt64](repeating: 0, count: bucketCount)
  package private(set) var count: UInt64 = 0

  package init() {}

  package mutating func record(_ duration: Duration) {
    counts[Self.bucket(UInt64(max(0, duration.inNanoseconds)))] += 1
    count += 1
  }

  /// The duration that `fraction` (0...1) of all do not exceed; nil when there are none.
  package func percentile(_ fraction: Double) -> Duration? {
    guard count > 0 else { return nil }
    let rank = max(1, UInt64((fraction * Double(count)).rounded(.up)))
    var seen: UInt64 = 0
    for (bucket, number) in counts.enumerated() {
      seen += number
      if seen >= rank { return .nanoseconds(Int64(clamping: Self.upperBound(of: bucket))) }
    }
    return nil
  }

  /// The power of two gives a group of eight, the next three bits the bucket in it.
  private static func bucket(_ nanoseconds: UInt64) -> Int {
    guard nanoseconds >= 8 else { return Int(nanoseconds) }
    let exponent = 63 - nanoseconds.leadingZeroBitCount
    return 8 * (exponent - 2) + Int(nanoseconds >> UInt64(exponent - 3) & 7)
  }

  private static func upperBound(of bucket: Int) -> UInt64 {
    guard bucket >= 8 else { return UInt64(bucket) }
    let shift = UInt64(bucket / 8 - 1)
    let width = UInt64(1) << shift
    return (UInt64(8 + bucket % 8) << shift) + (width - 1)
  }
}
