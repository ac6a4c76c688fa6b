import CommitLog

/// What a bare loop of write and fdatasync allows: the bound of any log that syncs groups of that size.
struct DiskReference: Codable {
  var groupBytes: Int
  var groups: Int
  var groupsPerSecond: Double
  var mibPerSecond: Double
  var meanMicroseconds: Double
  var p50Microseconds: Double
  var p99Microseconds: Double

  /// Writes `groupBytes` at a time to a new file of `folder` for `seconds`.
  static func measure(folder: String, groupBytes: Int, seconds: Double) throws -> DiskReference {
    let probe = try DiskProbe(folder: folder, groupBytes: groupBytes, seconds: seconds)
    return DiskReference(
      groupBytes: groupBytes, groups: probe.times.count, groupsPerSecond: probe.groupsPerSecond,
      mibPerSecond: probe.groupsPerSecond * Double(groupBytes) / 1_048_576,
      meanMicroseconds: probe.mean / 1000, p50Microseconds: Double(probe.quantile(0.5)) / 1000,
      p99Microseconds: Double(probe.quantile(0.99)) / 1000)
  }
}
