/// Where a consumer begins.
///
/// Open, as every proto3 enum: a newer peer may send a number that is not listed.
package struct StartFrom: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int32

  package init(rawValue: Int32) { self.rawValue = rawValue }

  /// At `offset`.
  package static let offset = StartFrom(rawValue: 0)
  package static let earliest = StartFrom(rawValue: 1)
  /// At the newest committed record.
  package static let latest = StartFrom(rawValue: 2)
  /// Only what is committed after this call.
  package static let next = StartFrom(rawValue: 3)
  /// At the first record at or after `startTimestampUnixNano`.
  package static let timestamp = StartFrom(rawValue: 4)
  /// `offset` records before the end.
  package static let tail = StartFrom(rawValue: 5)
}

/// Where a consumer ends.
///
/// Open, as every proto3 enum: a newer peer may send a number that is not listed.
package struct StopAt: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int32

  package init(rawValue: Int32) { self.rawValue = rawValue }

  /// Follow for ever.
  package static let never = StopAt(rawValue: 0)
  /// At the end of the log as it was at the call.
  package static let end = StopAt(rawValue: 1)
  /// Before `stopOffset`.
  package static let offset = StopAt(rawValue: 2)
  /// Before the first record at or after `stopTimestampUnixNano`.
  package static let timestamp = StopAt(rawValue: 3)
}

/// What a read is sure to see.
///
/// Open, as every proto3 enum: a newer peer may send a number that is not listed.
package struct ReadConsistency: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int32

  package init(rawValue: Int32) { self.rawValue = rawValue }

  /// The answering server's committed prefix.
  package static let local = ReadConsistency(rawValue: 0)
  /// Everything acknowledged before the call.
  package static let linearizable = ReadConsistency(rawValue: 1)
}

/// What to do when the start lies before the oldest record kept.
///
/// Open, as every proto3 enum: a newer peer may send a number that is not listed.
package struct OnTruncated: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int32

  package init(rawValue: Int32) { self.rawValue = rawValue }

  /// OUT_OF_RANGE, reason OFFSET_TRUNCATED.
  package static let fail = OnTruncated(rawValue: 0)
  /// Go on from the oldest record and say how many were lost.
  package static let earliest = OnTruncated(rawValue: 1)
  /// Go on with what is committed after this call.
  package static let next = OnTruncated(rawValue: 2)
}
