/// Times and bounds of a group. Times are in nanoseconds.
package struct RaftSettings: Sendable, Equatable {
  /// A follower that hears from no leader for a random time between these stands for election; a
  /// leader that hears from no majority for the shorter one steps down.
  package var electionTimeout: ClosedRange<UInt64> = 300_000_000...600_000_000
  /// Between two heartbeats of a leader.
  package var heartbeatInterval: UInt64 = 50_000_000
  /// AppendEntries on their way to one follower, unanswered.
  package var windowMessages = 64
  /// Their bytes. Enough for 80 MB/s over 100 ms; more would keep the leader busy with one follower that is far behind for
  /// longer than the others bear with its silence.
  package var windowBytes = 8 << 20
  /// Reads that wait for a round of heartbeats.
  package var pendingReads = 10_000

  package init() {}
}
