import CPlatform
import Glibc

/// A bare loop of write and fdatasync: what any log that syncs groups of that size is held against.
package struct DiskProbe: Sendable {
  /// How long each write and its fdatasync took, nanoseconds, ascending.
  package let times: [UInt64]
  package let groupBytes: Int
  /// From the first write to the last sync.
  package let seconds: Double

  package var groupsPerSecond: Double { Double(times.count) / seconds }
  package var mean: Double {
    Double(times.reduce(0, +)) / Double(max(1, times.count))
  }

  /// The time that `share` (0 to 1) of all stayed at or below.
  package func quantile(_ share: Double) -> UInt64 {
    guard !times.isEmpty else { return 0 }
    return times[min(times.count - 1, Int(share * Double(times.count)))]
  }

  /// Writes `groupBytes` at a time to a new file of `folder`, reserved as a log reserves its segments, for `seconds`. The
  /// file has no name, so it is gone with the process, however that ends.
  package init(folder: String, groupBytes: Int, seconds: Double) throws(CommitLogError) {
    let file = try DiskProbe.file(in: folder)
    defer { close(file) }
    let reserved = max(64 << 20, 4 * groupBytes)
    let bytes = (0..<groupBytes).map { UInt8(truncatingIfNeeded: $0 &* 0x9E37_79B1 >> 13) }
    var times: [UInt64] = []
    times.reserveCapacity(1 << 16)
    var position = 0
    let began = DiskProbe.now()
    let until = began + UInt64(seconds * 1e9)
    var now = began
    while now < until {
      if position % reserved + groupBytes > reserved || position == 0 {
        // Past a GiB from the start again: a probe must not fill the disk.
        position = position >= 1 << 30 ? 0 : (position + reserved - 1) / reserved * reserved
        let code = cplatform_reserve(file, off_t(position), off_t(reserved))
        guard code == 0 else { throw DiskProbe.failure(folder, "fallocate", code) }
      }
      let count = pwrite(file, bytes, groupBytes, off_t(position))
      guard count == groupBytes else { throw DiskProbe.failure(folder, "pwrite", errno) }
      guard fdatasync(file) == 0 else { throw DiskProbe.failure(folder, "fdatasync", errno) }
      position += groupBytes
      let after = DiskProbe.now()
      times.append(after - now)
      now = after
    }
    self.times = times.sorted()
    self.groupBytes = groupBytes
    self.seconds = Double(now - began) / 1e9
  }

  private static func file(in folder: String) throws(CommitLogError) -> Int32 {
    let path = folder + "/disk-probe-\(getpid())"
    let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure(path, "open", errno) }
    unlink(path)
    return file
  }

  private static func failure(_ file: String, _ call: String, _ code: Int32) -> CommitLogError {
    code == ENOSPC ? .diskFull(file: file) : .io(file: file, call: call, code: code)
  }

  private static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
