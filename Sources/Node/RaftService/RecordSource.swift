package import RaftNode

/// Where records to append come from in bulk, and who hears what became of them; all on the runner's event loop.
///
/// It says `RaftRunner.hasRecords()` when there is something, is asked to build entries when the disk can take them, and is
/// told of each index up to which entries are committed.
package protocol RecordSource: AnyObject {
  var hasRecords: Bool { get }
  /// When to build entries of what has gathered: nil now, else that time at the latest, and at once when more comes; nanoseconds of
  /// the loop's clock.
  func buildTime(now: UInt64) -> UInt64?
  /// Builds entries of all it has.
  func build(_ builder: inout EntryBuilder)
  /// What was built ends with this entry.
  func built(through index: UInt64, term: UInt64)
  /// Nothing may be appended: what it has is certainly not in the log.
  func refused(_ why: ProposalRefusal)
  /// Entries up to `index` are committed and on this server's disk; records below `end` may be served.
  func committed(_ index: UInt64, end: UInt64)
  /// Entries from `index` on are taken back: they were written nowhere.
  func withdrawn(from index: UInt64)
  /// The next write is on its way: what was put off may be done.
  func turnEnded()
  /// This server does not lead any more: nobody knows what becomes of entries that were not committed.
  func leadershipEnded(term: UInt64)
}
