/// Counts of durations in nanoseconds, in buckets at most 1/32 of their value wide, up to 18 minutes.
///
/// Recording is an index computation and an addition; nothing is allocated after `init`.
struct Histogram {
  /// Each power of two is split in this many buckets: the relative error of a quantile.
  private static let splitBits = 5
  private static let largest: UInt64 = (1 << 40) - 1

  private var counts = [UInt64](repeating: 0, count: (41 - splitBits) << splitBits)
  private(set) var count: UInt64 = 0
  private(set) var maximum: UInt64 = 0
  private var sum: UInt64 = 0

  mutating func record(_ nanoseconds: UInt64, times: UInt64 = 1) {
    counts[Self.bucket(nanoseconds)] += times
    count += times
    sum &+= nanoseconds &* times
    maximum = max(maximum, nanoseconds)
  }

  mutating func add(_ other: Histogram) {
    for bucket in counts.indices { counts[bucket] += other.counts[bucket] }
    count += other.count
    sum &+= other.sum
    maximum = max(maximum, other.maximum)
  }

  var mean: Double { count == 0 ? 0 : Double(sum) / Double(count) }

  /// The smallest value that `share` (0...1) of all are not above, up to the bucket's width.
  func quantile(_ share: Double) -> UInt64 {
    let wanted = max(1, UInt64((share * Double(count)).rounded(.up)))
    var seen: UInt64 = 0
    for bucket in counts.indices {
      seen += counts[bucket]
      if seen >= wanted { return min(Self.upperBound(bucket), maximum) }
    }
    return maximum
  }

  private static func bucket(_ value: UInt64) -> Int {
    let value = min(value, largest)
    guard value >= 1 << splitBits else { return Int(value) }
    let power = 63 - value.leadingZeroBitCount
    let shift = power - splitBits
    return (shift + 1) << splitBits + Int(value >> UInt64(shift)) - 1 << splitBits
  }

  private static func upperBound(_ bucket: Int) -> UInt64 {
    guard bucket >= 1 << splitBits else { return UInt64(bucket) }
    let shift = UInt64(bucket >> splitBits - 1)
    let part = UInt64(bucket & (1 << splitBits - 1)) + 1 << splitBits
    return (part + 1) << shift - 1
  }
}
