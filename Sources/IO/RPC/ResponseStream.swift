/// The responses of a streaming call, for one reader; the server is slowed down to the reader's pace.
///
/// Ends when the call ends with OK; throws `RPCError` when it ends otherwise. Dropping it cancels the call.
package struct ResponseStream: AsyncSequence, Sendable {
  package typealias Element = [UInt8]
  package typealias Failure = RPCError

  private let life: CallLife

  init(_ mailbox: StreamMailbox) { life = CallLife(mailbox) }
  init(_ life: CallLife) { self.life = life }

  package func makeAsyncIterator() -> Iterator { Iterator(life) }

  package struct Iterator: AsyncIteratorProtocol {
    private let life: CallLife
    /// Messages taken together, the next one at `position`.
    private var batch: [[UInt8]] = []
    private var position = 0

    init(_ life: CallLife) { self.life = life }

    package mutating func next() async throws(RPCError) -> [UInt8]? {
      if position == batch.count {
        guard let taken = try await life.mailbox.take() else { return nil }
        batch = taken
        position = 0
      }
      defer { position += 1 }
      return batch[position]
    }

    package mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(RPCError) -> [UInt8]? {
      try await next()
    }
  }
}

/// A call with messages both ways. Dropping it and its responses cancels the call.
package struct BidirectionalCall: Sendable {
  private let life: CallLife

  init(_ mailbox: StreamMailbox) { life = CallLife(mailbox) }

  /// The server's messages, for one reader.
  package var responses: ResponseStream { ResponseStream(life) }

  /// Sends one message, waiting while too much is before it.
  package func send(_ message: [UInt8]) async throws(RPCError) {
    try await life.mailbox.send(message)
  }

  /// Says that no more messages will be sent.
  package func finish() { life.mailbox.enqueueEnd() }

  /// Gives the call up.
  package func cancel() { life.mailbox.cancel() }
}

/// Cancels a call when nobody holds it any more.
final class CallLife: Sendable {
  let mailbox: StreamMailbox

  init(_ mailbox: StreamMailbox) { self.mailbox = mailbox }

  deinit { mailbox.cancel() }
}
