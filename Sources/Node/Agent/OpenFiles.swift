import Glibc
import Logging

/// How many files and connections this process may have open at one time.
package enum OpenFiles {
  /// Descriptors kept for all but connections and segments there are: threads, DNS, a roll, connections about to be refused.
  static let reserve = 128
  /// A server for fewer connections is of no use.
  static let fewestConnections = 16

  /// Raises the process's limit of open files as far as it may without privileges, and returns it.
  @discardableResult
  package static func raiseLimit() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
    if limit.rlim_cur < limit.rlim_max {
      let before = limit.rlim_cur
      limit.rlim_cur = limit.rlim_max
      if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 {
        limit.rlim_cur = before
      }
    }
    return Int(clamping: limit.rlim_cur)
  }

  /// The connections that `limit` open files leave room for, at most `wanted`, so that neither accepting nor the log
  /// runs out of descriptors.
  ///
  /// A segment takes one, the last one two; twice their number lets the log double before it is short.
  ///
  /// - Throws: `ConfigurationError` with the remedy when that is too few to serve at all.
  package static func connections(
    wanted: Int, limit: Int, segments: Int
  ) throws(ConfigurationError) -> Int {
    let left = limit - 2 * segments - reserve
    guard left >= min(wanted, fewestConnections) else {
      throw ConfigurationError(
        "the limit of open files, \(limit), is too low for \(fewestConnections) connections "
          + "(segments of the log: \(segments)): raise it to \(2 * segments + reserve + wanted) "
          + "(ulimit -Hn, LimitNOFILE= of systemd)")
    }
    return min(wanted, left)
  }

  /// As above, by the limit of this process; one warning when it is lower than wanted.
  static func connections(
    wanted: Int, segments: Int, _ logger: Logger
  ) throws(ConfigurationError) -> Int {
    let limit = raiseLimit()
    let most = try connections(wanted: wanted, limit: limit, segments: segments)
    if most < wanted {
      logger.warning(
        "fewer connections than configured: the limit of open files is too low",
        metadata: [
          "connections": "\(most)", "limits.connections": "\(wanted)", "openFiles": "\(limit)",
          "segments": "\(segments)", "needed": "\(wanted + 2 * segments + reserve)",
        ])
    }
    return most
  }
}
