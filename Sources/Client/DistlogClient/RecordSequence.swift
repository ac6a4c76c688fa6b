/// The batches of a read, in the order of their offsets; see `DistlogClient.consume`.
///
/// Each iterator is a read of its own. Memory is bounded: the server sends on only as batches are
/// taken.
public struct RecordBatchSequence: AsyncSequence, Sendable {
  public typealias Element = RecordBatch
  public typealias Failure = DistlogError

  let client: DistlogClient
  let options: ConsumeOptions

  public struct AsyncIterator: AsyncIteratorProtocol {
    let session: ConsumeSession

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(DistlogError) -> RecordBatch? {
      try await session.next(isolation: actor)
    }
  }

  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(session: client.session(options))
  }
}

/// The records of a read, one by one; see `DistlogClient.consume`.
public struct RecordSequence: AsyncSequence, Sendable {
  public typealias Element = Record
  public typealias Failure = DistlogError

  /// The same read, batch by batch.
  public let batches: RecordBatchSequence

  public struct AsyncIterator: AsyncIteratorProtocol {
    var batches: RecordBatchSequence.AsyncIterator
    /// Of the last batch, the next one last.
    var records: [Record] = []

    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(DistlogError) -> Record? {
      while records.isEmpty {
        guard let batch = try await batches.next(isolation: actor) else { return nil }
        records = try batch.records().reversed()
      }
      return records.removeLast()
    }
  }

  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(batches: batches.makeAsyncIterator())
  }
}
