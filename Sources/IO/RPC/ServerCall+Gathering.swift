import GRPCWire

/// What a call holds of a message that is not whole, counted over its connection: a client may open
/// many streams and finish no message.
extension ServerCall {
  /// After bytes were fed. The call that takes the connection over its limit is ended.
  func countGathered() {
    let now = state.isOpen ? deframer.bufferedBytes : 0
    guard let owner, now != gatheredBytes else { return }
    owner.gatheredBytes += now - gatheredBytes
    gatheredBytes = now
    guard owner.gatheredBytes > owner.loop.maxGatheredBytes else { return }
    fail(.tooMuchGathered(limit: owner.loop.maxGatheredBytes))
  }

  /// Frees them at once: the stream itself may live on until the client takes its answer.
  func dropGathered() {
    owner?.gatheredBytes -= gatheredBytes
    gatheredBytes = 0
    deframer = MessageDeframer()
  }
}

extension Status {
  fileprivate static func tooMuchGathered(limit: Int) -> Status {
    Status(
      .resourceExhausted,
      "the unfinished messages of this connection take more than \(limit) bytes",
      reason: "RATE_LIMITED", metadata: [("limit", "\(limit)")], retryAfter: .seconds(1))
  }
}
