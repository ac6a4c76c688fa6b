import Foundation
import RaftAPI

extension RaftRunner {
  /// What an operator should look at now. On the event loop.
  func alarms() -> [ServerAlarm] {
    var found: [ServerAlarm] = []
    if let diskFailure {
      found.append(
        ServerAlarm(
          "STORAGE_FAILED", "a write failed: \(diskFailure); it takes part again when started anew")
      )
    }
    if let noRoom {
      found.append(ServerAlarm("DISK_FULL", "the log does not grow: \(noRoom)"))
    } else if roomLevel == .full {
      found.append(ServerAlarm("DISK_FULL", "records are refused until more of the disk is free"))
    } else if roomLevel == .low {
      found.append(ServerAlarm("DISK_LOW", "little of the disk is free"))
    }
    if isDiskStalled {
      found.append(ServerAlarm("SLOW_DISK", "the disk has not answered for long"))
    }
    if !hopeless.isEmpty {
      found.append(
        ServerAlarm(
          "CORRUPTION",
          "damaged, and no other server has what was there: \(hopeless.sorted().joined(separator: ", "))"
        ))
    }
    guard !found.isEmpty || !alarmTimes.isEmpty else { return [] }
    var times: [String: UInt64] = [:]
    for place in found.indices {
      let kind = found[place].kind
      let since = alarmTimes[kind] ?? UInt64(max(0, Date().timeIntervalSince1970) * 1e9)
      times[kind] = since
      found[place].sinceUnixNano = since
    }
    alarmTimes = times
    return found
  }
}
