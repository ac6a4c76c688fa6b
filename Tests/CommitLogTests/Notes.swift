import Synchronization

/// What recovery said.
final class Notes: Sendable {
  private let all = Mutex<[String]>([])

  var count: Int { all.withLock { $0.count } }
  func add(_ note: String) { all.withLock { $0.append(note) } }
  func clear() { all.withLock { $0.removeAll() } }
}

extension [UInt8] {
  /// Where `part` begins for the last time.
  func lastRange(of part: [UInt8]) -> Int? {
    indices.last { starts in self[starts...].starts(with: part) }
  }
}
