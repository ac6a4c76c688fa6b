/// Where an entry stands: its term and its index. Two logs that have an entry at the same position
/// are equal up to it (the log matching property, Raft section 5.3).
///
/// The order is that of "up to date" (Raft section 5.4.1): the term decides, then the index.
package struct LogPosition: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var term: UInt64
  package var index: UInt64

  package init(term: UInt64, index: UInt64) {
    self.term = term
    self.index = index
  }

  /// Before the first entry.
  package static let start = LogPosition(term: 0, index: 0)

  package static func < (left: LogPosition, right: LogPosition) -> Bool {
    left.term == right.term ? left.index < right.index : left.term < right.term
  }

  package var description: String { "\(index)@\(term)" }
}
