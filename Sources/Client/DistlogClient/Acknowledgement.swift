internal import LogAPI

/// The server's word that a batch is in the log.
public struct Acknowledgement: Sendable, Equatable {
  /// The batch's offsets, without gaps.
  public let offsets: ClosedRange<UInt64>
  /// Of the append, in nanoseconds since 1970.
  public let timestamp: UInt64
  /// Of the leader that appended it.
  public let term: UInt64
  /// Whether it was on disk on a majority of the voters when this was sent.
  public let isQuorumSynced: Bool

  /// Whether the batch was in the log already, from an earlier attempt.
  public let isDuplicate: Bool

  init(_ response: ProduceResponse) throws(DistlogError) {
    guard response.lastOffset >= response.offset else {
      throw DistlogError(
        .protocolViolation, code: "INTERNAL", reason: "MALFORMED_ANSWER",
        "the server acknowledged offsets \(response.offset) to \(response.lastOffset)")
    }
    offsets = response.offset...response.lastOffset
    timestamp = response.timestampUnixNano
    term = response.term
    isDuplicate = response.duplicate
    isQuorumSynced = response.durability == .quorumSynced
  }
}
