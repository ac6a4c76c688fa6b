internal import LogAPI
internal import Protobuf
internal import RPC

/// A read that outlives its connections: each new one goes on at the next offset, without gap or
/// repeat, also when no record has come yet.
///
/// Used by one task at a time. The call is cancelled with the last reference.
package final class ConsumeSession {
  private let seeds: Seeds
  private let timeout: Duration
  private var options: ConsumeOptions
  private var stream: ConsumeStream?
  private var hasEnded = false
  private var hasConnected = false
  /// Told once of each outage, before the next connection is dialled: why, and where it goes on.
  package var onReconnect: (@Sendable (DistlogError, ConsumeOptions.Start) -> Void)?

  /// A silence a little longer than the time-out: some heartbeats fall in it.
  private static let heartbeatsPerTimeout = 3

  init(_ options: ConsumeOptions, seeds: Seeds, timeout: Duration) {
    self.options = options
    self.seeds = seeds
    self.timeout = timeout
  }

  deinit { stream?.cancel() }

  /// Where a new connection would go on, if everything that came was taken.
  package var start: ConsumeOptions.Start {
    var resumed = options
    if let stream { resumed.resume(at: stream.position) }
    return resumed.start
  }

  /// Connects and settles where the read begins: what is written from now on is not missed.
  package func begin(
    isolation actor: isolated (any Actor)? = #isolation
  ) async throws(DistlogError) {
    _ = try await open(isolation: actor)
  }

  /// The next batch, never an empty one unless records were lost; nil at the end.
  package func next(
    isolation actor: isolated (any Actor)? = #isolation
  ) async throws(DistlogError) -> RecordBatch? {
    guard !hasEnded else { return nil }
    var giveUpAt: ContinuousClock.Instant?
    while true {
      do {
        guard let batch = try await open(isolation: actor).next() else {
          hasEnded = true
          return nil
        }
        options.resume(after: batch)
        return batch
      } catch {
        // Every batch before the failure was taken, so the newest position holds.
        if let stream { options.resume(at: stream.position) }
        stream = nil
        guard options.reconnects, error.isConnectionTrouble else { throw error }
        let isFirst = giveUpAt == nil
        let limit = giveUpAt ?? .now + timeout
        giveUpAt = limit
        // The first connection is not a lost one: nobody is told to wait for it.
        guard hasConnected, .now < limit else { throw error }
        if isFirst { onReconnect?(error, options.start) }
        try await Self.pause()
      }
    }
  }

  private func open(
    isolation actor: isolated (any Actor)?
  ) async throws(DistlogError) -> ConsumeStream {
    if let stream { return stream }
    let channel = try await seeds.connected()
    hasConnected = true
    // "next" would mean another place after an outage, and what was written meanwhile be missed.
    if options.reconnects, options.startMoves {
      let request = options.positionRequest().serialized()
      options.resume(after: try await Self.position(request, on: channel, timeout: timeout))
    }
    // With a key filter a server may search long without a word.
    let maxSilence = options.key.isEmpty ? timeout : nil
    let request = options.request(heartbeat: timeout / Self.heartbeatsPerTimeout)
    let stream = ConsumeStream(request, on: channel, maxSilence: maxSilence)
    self.stream = stream
    return stream
  }

  /// Asks for a position alone.
  private static func position(
    _ request: [UInt8], on channel: RPCChannel, timeout: Duration
  ) async throws(DistlogError) -> RecordBatch {
    let answer: [UInt8]
    do {
      answer = try await channel.unary(LogMethod.consume.path, request, timeout: timeout)
    } catch {
      throw DistlogError(error)
    }
    do {
      return try answer.span.bytes.withUnsafeBytes { bytes throws(ProtobufError) in
        try RecordBatch(copying: bytes)
      }
    } catch {
      throw .malformedAnswer("log.v1.ConsumeResponse", error)
    }
  }

  /// Between two attempts, so that a server which refuses at once is not asked in a tight loop.
  private static func pause() async throws(DistlogError) {
    do {
      try await Task.sleep(for: .milliseconds(100))
    } catch {
      throw .cancelled
    }
  }
}
