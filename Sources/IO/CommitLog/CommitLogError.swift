/// What can go wrong with a log; each case carries the numbers its reader needs.
public enum CommitLogError: Error, Equatable, Sendable {
  /// There is no record at `offset`: the log holds `available`.
  case offsetOutOfRange(offset: UInt64, available: Range<UInt64>)
  /// The record at `offset` was removed by `truncatePrefix`; the log starts at `start`.
  case offsetTruncated(offset: UInt64, start: UInt64)
  /// A batch is kept or cut whole, and `offset` lies inside `batch`.
  case insideBatch(offset: UInt64, batch: Range<UInt64>)
  /// `file` is damaged at byte `position`; `offset` is the first record that cannot be vouched for.
  case corrupt(file: String, position: UInt64, offset: UInt64, what: String)
  /// The system call `call` on `file` failed with the error number `code`.
  case io(file: String, call: String, code: Int32)
  /// No space for what was to be written to `file`. Nothing was written; try again when there is space.
  case diskFull(file: String)
  /// The process, or the system, has no descriptor or mapping left for `file`. Nothing was written; try again when some
  /// are free.
  case outOfFiles(file: String)
  /// An earlier write or fsync failed, so that nothing can be promised any more: reads go on, writes are refused.
  case poisoned(why: String)
  /// Another process (`pid`, when known) has the data folder open.
  case locked(folder: String, pid: Int32?)
  /// `folder` is not one of ours, or no longer whole.
  case notADataFolder(folder: String, why: String)
  /// `file` belongs to another log.
  case foreign(file: String, expected: String, found: String)
  /// `file` was written in the format `found`; this program knows up to `supported`.
  case unsupportedFormat(file: String, found: Int, supported: Int)
  /// The log was closed.
  case closed
  /// The log's end was cut while a snapshot of it was being taken: take it again.
  case changedUnderSnapshot
  /// A batch of `bytes` is over the `limit` of what one frame may hold.
  case batchTooLarge(bytes: Int, limit: Int)
  /// A batch without a record is not a batch.
  case emptyBatch
  /// The frames to be written do not follow the log's end: their first entry is `index`, the next one `expected`.
  case notNext(index: UInt64, expected: UInt64)
}

extension CommitLogError {
  /// Whether something was only missing that may be there later: nothing was written, and nothing is in doubt.
  package var isRetryable: Bool {
    switch self {
    case .diskFull, .outOfFiles: true
    default: false
    }
  }
}

extension CommitLogError {
  /// What helps where a file is lost that cannot be made anew.
  package static var remedy: String {
    "\(clusterRemedy); a server that is alone: restore a backup"
  }
  /// What helps where a file is lost that `Repair` makes anew.
  static var repairRemedy: String {
    "\(clusterRemedy); a server that is alone: `distlogd verify --repair` makes it anew"
  }
  /// What helps against most damage, as long as there are other servers.
  package static var clusterRemedy: String {
    "in a cluster, take the server out and add it again with an empty data folder"
  }

  /// The same damage, with what helps against it.
  func naming(_ remedy: String) -> CommitLogError {
    guard case .corrupt(let file, let position, let offset, let what) = self else { return self }
    return .corrupt(
      file: file, position: position, offset: offset, what: "\(what); \(remedy)")
  }
}

extension CommitLogError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .offsetOutOfRange(let offset, let available):
      "offset \(offset) is outside the log, which holds [\(available.lowerBound), \(available.upperBound))"
    case .offsetTruncated(let offset, let start):
      "offset \(offset) was removed; the log starts at \(start)"
    case .insideBatch(let offset, let batch):
      "offset \(offset) lies inside the batch [\(batch.lowerBound), \(batch.upperBound)), which is cut whole or not at all"
    case .corrupt(let file, let position, let offset, let what):
      "\(file) is damaged at byte \(position) (offset \(offset)): \(what)"
    case .io(let file, let call, let code):
      "\(call) on \(file) failed: \(errorText(code))"
    case .diskFull(let file): "no space left on the disk of \(file)"
    case .outOfFiles(let file):
      "too many open files to open \(file): raise the limit of open files (ulimit -n, LimitNOFILE= of systemd)"
    case .poisoned(let why): "the log takes no more writes: \(why)"
    case .locked(let folder, let pid):
      "\(folder) is in use by "
        + (pid.map { "the process \($0)" } ?? "another process")
    case .notADataFolder(let folder, let why): "\(folder) cannot be used as a data folder: \(why)"
    case .foreign(let file, let expected, let found):
      "\(file) belongs to another log (\(found) instead of \(expected))"
    case .unsupportedFormat(let file, let found, let supported):
      "\(file) has format \(found); this program knows formats up to \(supported)"
    case .closed: "the log is closed"
    case .changedUnderSnapshot:
      "the log's end was cut while the snapshot was being taken; take it again"
    case .batchTooLarge(let bytes, let limit):
      "a batch of \(bytes) bytes is over the limit of \(limit)"
    case .emptyBatch: "a batch needs at least one record"
    case .notNext(let index, let expected):
      "the frames start at entry \(index), but the log's next entry is \(expected)"
    }
  }
}
