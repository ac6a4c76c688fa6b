import GRPCWire
import LogAPI
import RaftAPI
import RPC

/// Changes of the log itself, which the leader makes on all servers.
extension LogServiceCore {
  func updateLog(_ request: UpdateLogRequest) async -> Result<LogInfo, Status> {
    guard LogName.isDefault(request.name) else {
      return .failure(.noSuchLog(request.name, field: "name"))
    }
    let config = request.config ?? LogConfig()
    for (field, value) in [
      ("config.retention_bytes", config.retentionBytes),
      ("config.retention_ms", config.retentionMs),
    ] where value < -1 || value > LogConfig.largest {
      return .failure(
        .invalid(field, "\(value) is neither -1 (no limit), 0 (as it is) nor up to 2^53"))
    }
    for (field, value) in [
      ("config.segment_bytes", config.segmentBytes),
      ("config.max_record_bytes", Int64(config.maxRecordBytes)),
    ] where value != 0 {
      return .failure(.invalid(field, "it is a setting of each server and cannot be changed here"))
    }
    let settings = LogSettings(
      retentionBytes: config.retentionBytes, retentionMs: config.retentionMs)
    if let failure = await backend.setRetention(settings) { return .failure(Status(failure)) }
    return .success(describeLog())
  }

  func truncateLog(_ request: TruncateLogRequest) async -> Result<LogInfo, Status> {
    guard LogName.isDefault(request.name) else {
      return .failure(.noSuchLog(request.name, field: "name"))
    }
    guard request.beforeOffset <= available.upperBound else {
      return .failure(.offsetOutOfRange(offset: request.beforeOffset, available: available))
    }
    if let failure = await backend.truncate(before: request.beforeOffset) {
      return .failure(Status(failure))
    }
    return .success(describeLog())
  }
}

extension LogConfig {
  /// So that milliseconds can be counted as nanoseconds, and any client's number type holds it.
  static var largest: Int64 { 1 << 53 }
}
