internal import Glibc

/// What a bare loop of write and fdatasync allows: the bound of any log that syncs groups of that size.
struct DiskReference: Codable {
  var groupBytes: Int
  var groups: Int
  var groupsPerSecond: Double
  var mibPerSecond: Double
  var meanMicroseconds: Double
  var p50Microseconds: Double
  var p99Microseconds: Double

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// Writes `groupBytes` at a time to a new file of `folder`, reserved as the log reserves its
  /// segments, for `seconds`; the file is removed.
  static func measure(folder: String, groupBytes: Int, seconds: Double) throws -> DiskReference {
    let path = "\(folder)/disk-reference"
    let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      throw Failure(description: "\(path): \(String(cString: strerror(errno)))")
    }
    defer {
      close(file)
      unlink(path)
    }
    let reserved = max(64 << 20, 4 * groupBytes)
    let bytes = (0..<groupBytes).map { UInt8(truncatingIfNeeded: $0 &* 0x9E37_79B1 >> 13) }
    var times = Histogram()
    var position = 0
    let began = monotonicNow()
    let until = began + UInt64(seconds * 1e9)
    var now = began
    while now < until {
      if position % reserved + groupBytes > reserved || position == 0 {
        position = (position + reserved - 1) / reserved * reserved
        guard posix_fallocate(file, position, reserved) == 0 else {
          throw Failure(description: "\(path): cannot reserve \(reserved) bytes")
        }
      }
      let count = pwrite(file, bytes, groupBytes, position)
      guard count == groupBytes, fdatasync(file) == 0 else {
        throw Failure(description: "\(path): \(String(cString: strerror(errno)))")
      }
      position += groupBytes
      let after = monotonicNow()
      times.record(after - now)
      now = after
    }
    let took = Double(now - began) / 1e9
    return DiskReference(
      groupBytes: groupBytes, groups: Int(times.count), groupsPerSecond: Double(times.count) / took,
      mibPerSecond: Double(times.count) * Double(groupBytes) / took / 1_048_576,
      meanMicroseconds: times.mean / 1000, p50Microseconds: Double(times.quantile(0.5)) / 1000,
      p99Microseconds: Double(times.quantile(0.99)) / 1000)
  }
}
