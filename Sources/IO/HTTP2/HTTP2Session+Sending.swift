import CNghttp2

extension HTTP2Session {
  /// Appends frames to `output` until nothing is left to send or it holds `limit` bytes (one frame
  /// more at most).
  package func pump(into output: HTTP2Output, upTo limit: Int) throws(HTTP2Error) {
    self.output = output
    outputLimit = limit
    defer { self.output = nil }
    while output.count < limit {
      var bytes: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(raw, &bytes)
      guard count >= 0 else { throw HTTP2Error(code: count) }
      guard count > 0, let bytes else { return }
      output.append(bytes, count)
    }
  }

  /// Calls `body` for the streams whose output was taken by `pump` and that may be written to.
  package func takeDrained(_ body: (HTTP2Stream) -> Void) {
    while let state = firstDrained {
      firstDrained = state.pointee.nextDrained
      if firstDrained == nil { lastDrained = nil }
      state.pointee.nextDrained = nil
      state.pointee.isOnDrainedList = false
      if state.pointee.isClosed {
        pool.giveStream(state)
      } else if !state.pointee.isEnded, state.pointee.output.count == 0 {
        body(HTTP2Stream(state: state))
      }
    }
  }

  package var hasDrained: Bool { firstDrained != nil }

  // MARK: - Messages

  /// Opens a stream with a request; a body may follow unless `endStream`.
  package func request(
    _ headers: HTTP2HeaderList, endStream: Bool, context: UnsafeMutableRawPointer?
  )
    throws(HTTP2Error) -> HTTP2Stream
  {
    let id = nghttp2_session_get_next_stream_id(raw)
    guard id < UInt32(1) << 31 else { throw .noMoreStreams }
    let state = addStream(Int32(id))
    state.pointee.context = context
    state.pointee.hasBody = !endStream
    state.pointee.isEnded = endStream
    var provider = provider(state)
    let submitted = headers.withFields { fields, count in
      endStream
        ? nghttp2_submit_request(raw, nil, fields, count, nil, state)
        : nghttp2_submit_request(raw, nil, fields, count, &provider, state)
    }
    guard submitted > 0 else {
      release(state)
      throw HTTP2Error(code: Int(submitted))
    }
    precondition(submitted == state.pointee.id)
    return HTTP2Stream(state: state)
  }

  /// Sends a response's HEADERS; a body may follow unless `endStream`.
  package func respond(_ headers: HTTP2HeaderList, endStream: Bool, on stream: HTTP2Stream) {
    let state = stream.state
    guard !state.pointee.hasBody, !state.pointee.isEnded else { return }
    state.pointee.hasBody = !endStream
    state.pointee.isEnded = endStream
    var provider = provider(state)
    let code = headers.withFields { fields, count in
      endStream
        ? nghttp2_submit_response(raw, state.pointee.id, fields, count, nil)
        : nghttp2_submit_response(raw, state.pointee.id, fields, count, &provider)
    }
    if code != 0 { reset(stream, .internalError) }
  }

  /// Appends up to `capacity` bytes, which `fill` writes in place; it returns how many.
  package func write(
    _ capacity: Int, on stream: HTTP2Stream, _ fill: (UnsafeMutableRawBufferPointer) -> Int
  ) {
    let state = stream.state
    precondition(state.pointee.hasBody && !state.pointee.isEnded)
    let used = fill(state.pointee.output.reserve(capacity, from: pool))
    precondition(used <= capacity)
    state.pointee.output.commit(used)
    wake(state)
  }

  /// Ends our side after what is buffered, with `trailers` or a bare END_STREAM.
  package func end(_ stream: HTTP2Stream, trailers: HTTP2HeaderList? = nil) {
    let state = stream.state
    guard state.pointee.hasBody, !state.pointee.isEnded else { return }
    state.pointee.isEnded = true
    state.pointee.trailers = trailers.map { Unmanaged.passRetained($0) }
    wake(state)
  }

  /// Aborts a stream in both directions; what is buffered is not sent.
  package func reset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    nghttp2_submit_rst_stream(raw, 0, stream.id, code.rawValue)
  }

  // MARK: - The connection

  package func ping(_ payload: UInt64) {
    withUnsafeBytes(of: payload) { bytes in
      _ = nghttp2_submit_ping(
        raw, 0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }
  }

  /// First step of a drain: tells the peer to open no more streams, while those on their way are
  /// still taken (GOAWAY with the highest stream number).
  package func announceShutdown() { nghttp2_submit_shutdown_notice(raw) }

  /// Second step: refuses streams newer than those seen so far.
  package func goAway(_ code: HTTP2ErrorCode = .noError) {
    let last = nghttp2_session_get_last_proc_stream_id(raw)
    nghttp2_submit_goaway(raw, 0, last, code.rawValue, nil, 0)
  }

  /// Sends a GOAWAY and ends everything with it.
  package func terminate(_ code: HTTP2ErrorCode) {
    nghttp2_session_terminate_session(raw, code.rawValue)
  }

  // MARK: - Called by the callbacks

  func readData(
    _ state: UnsafeMutablePointer<StreamState>, _ length: Int,
    _ flags: UnsafeMutablePointer<UInt32>
  ) -> Int {
    let buffered = state.pointee.output.count
    if buffered == 0, !state.pointee.isEnded {
      state.pointee.isDeferred = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    let taken = min(length, buffered)
    if taken > 0 { flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue }
    if taken == buffered, state.pointee.isEnded {
      flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
      if let trailers = state.pointee.trailers {
        state.pointee.trailers = nil
        flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
        _ = trailers.takeRetainedValue().withFields { fields, count in
          nghttp2_submit_trailer(raw, state.pointee.id, fields, count)
        }
      }
    }
    return taken
  }

  func sendData(
    _ state: UnsafeMutablePointer<StreamState>, _ frameHeader: UnsafePointer<UInt8>, _ length: Int
  ) -> Int32 {
    guard let output, output.count < outputLimit else { return NGHTTP2_ERR_WOULDBLOCK.rawValue }
    output.append(frameHeader, 9)
    if let payload = state.pointee.output.prefix(length).baseAddress {
      output.append(payload, length)
    }
    state.pointee.output.drop(length)
    flood.pointee.earn(2)
    if state.pointee.output.count == 0, !state.pointee.isEnded { noteDrained(state) }
    return 0
  }

  /// A server that has answered in full tells a client that is still sending to stop, without
  /// spoiling the answer (RFC 9113 section 8.1).
  func sentEnd(_ state: UnsafeMutablePointer<StreamState>) {
    guard role == .server, !state.pointee.peerEnded else { return }
    nghttp2_submit_rst_stream(raw, 0, state.pointee.id, HTTP2ErrorCode.noError.rawValue)
  }

  func sentReset(_ code: UInt32) {
    let isOurChoice =
      code == HTTP2ErrorCode.noError.rawValue || code == HTTP2ErrorCode.cancel.rawValue
    if !isOurChoice { flood.pointee.countReset() }
    // nghttp2 resets each stream whose window a setting took over 2^31 - 1; RFC 9113 section 6.9.2
    // wants the connection ended, and section 5.4.1 allows it for the other breaches of windows.
    if code == HTTP2ErrorCode.flowControlError.rawValue { terminate(.flowControlError) }
  }

  // MARK: - Details

  private func provider(_ state: UnsafeMutablePointer<StreamState>) -> nghttp2_data_provider {
    nghttp2_data_provider(
      source: nghttp2_data_source(ptr: state), read_callback: HTTP2Callbacks.readData)
  }

  private func wake(_ state: UnsafeMutablePointer<StreamState>) {
    guard state.pointee.isDeferred else { return }
    state.pointee.isDeferred = false
    nghttp2_session_resume_data(raw, state.pointee.id)
  }

  private func noteDrained(_ state: UnsafeMutablePointer<StreamState>) {
    state.pointee.output.shrinkIfEmpty(into: pool)
    guard !state.pointee.isOnDrainedList else { return }
    state.pointee.isOnDrainedList = true
    if let lastDrained {
      lastDrained.pointee.nextDrained = state
    } else {
      firstDrained = state
    }
    lastDrained = state
  }
}
