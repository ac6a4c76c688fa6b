internal import LogAPI

extension ConsumeOptions {
  /// The request that begins the read.
  func request(heartbeat: Duration) -> ConsumeRequest {
    var request = ConsumeRequest()
    request.log = log
    request.maxRecords = max(2, maxRecords)
    request.maxBytes = maxBytes
    request.consistency = isLinearizable ? .linearizable : .local
    request.onTruncated = lost == .skip ? .earliest : .fail
    request.keyFilter = key
    let (seconds, attoseconds) = heartbeat.components
    request.heartbeatMs = UInt32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    setStart(of: &request)
    setStop(of: &request)
    return request
  }

  /// A request for the offset at which the read begins, without a record.
  ///
  /// It stops at once, and a Consume that names its end gets an empty answer with the position.
  func positionRequest() -> ConsumeRequest {
    var request = request(heartbeat: .zero)
    request.stop = .offset
    request.stopOffset = 0
    return request
  }

  /// Whether the same start may mean another offset later.
  var startMoves: Bool {
    switch start {
    case .latest, .next, .tail, .time: true
    case .earliest, .offset: false
    }
  }

  private func setStart(of request: inout ConsumeRequest) {
    switch start {
    case .earliest: request.start = .earliest
    case .latest: request.start = .latest
    case .next: request.start = .next
    case .tail(let count):
      request.start = .tail
      request.offset = count
    case .offset(let offset):
      request.start = .offset
      request.offset = offset
    case .time(let time):
      request.start = .timestamp
      request.startTimestampUnixNano = time
    }
  }

  private func setStop(of request: inout ConsumeRequest) {
    switch stop {
    case .never: request.stop = .never
    case .end: request.stop = .end
    case .offset(let offset):
      request.stop = .offset
      request.stopOffset = offset
    case .time(let time):
      request.stop = .timestamp
      request.stopTimestampUnixNano = time
    }
  }

  /// The options that go on where a batch ended.
  ///
  /// `end` means the end as it was at the first call: the first batch's, which may be a little later.
  mutating func resume(after batch: RecordBatch) {
    start = .offset(batch.nextOffset)
    if stop == .end { stop = .offset(batch.endOffset) }
  }

  /// The options that go on at a position that the server told, unless they are past it.
  ///
  /// With a key filter it may be far behind the last record that came.
  mutating func resume(at position: UInt64) {
    guard case .offset(let offset) = start, position > offset else { return }
    start = .offset(position)
  }
}
