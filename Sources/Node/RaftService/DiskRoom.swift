import Glibc

/// Bytes of the disk that a folder lies on.
package struct DiskSpace: Sendable {
  package var free: UInt64 = 0
  package var used: UInt64 = 0
  package var total: UInt64 { free + used }

  package init(free: UInt64, used: UInt64) {
    self.free = free
    self.used = used
  }

  /// Zeros where the system does not say.
  package init(_ folder: String) {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return }
    let unit = UInt64(status.f_frsize)
    free = UInt64(status.f_bavail) * unit
    used = UInt64(status.f_blocks - status.f_bfree) * unit
  }
}

/// How much of a disk must stay free.
package struct DiskMark: Sendable, Equatable {
  /// Of the whole disk; 0...1.
  package var share: Double
  /// No more than so much is asked for.
  package var mostBytes: UInt64

  package init(share: Double, mostBytes: UInt64) {
    self.share = share
    self.mostBytes = mostBytes
  }

  package func bytes(of total: UInt64) -> UInt64 {
    min(mostBytes, UInt64(Double(total) * share))
  }
}

/// Watermarks of a data folder's disk (RAFT-RULES 39): a server that refuses records while there is still room for what keeps a
/// cluster going (votes, members, the log's start) is never in need of it.
package struct DiskRoom: Sendable {
  package enum Level: Int, Sendable, Comparable {
    case full, low, enough

    package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
  }

  package var low = DiskMark(share: 0.1, mostBytes: 10 << 30)
  package var full = DiskMark(share: 0.03, mostBytes: 2 << 30)

  package init() {}

  /// The level of a disk with this space; a quarter more than a mark must be free for it to be left again, so that what
  /// lies near it does not go to and fro.
  package func level(_ space: DiskSpace, before: Level) -> Level {
    guard space.total > 0 else { return .enough }
    func isBelow(_ mark: DiskMark, _ was: Bool) -> Bool {
      let bytes = mark.bytes(of: space.total)
      return space.free < (was ? bytes + bytes / 4 : bytes)
    }
    if isBelow(full, before == .full) { return .full }
    return isBelow(low, before <= .low) ? .low : .enough
  }
}
