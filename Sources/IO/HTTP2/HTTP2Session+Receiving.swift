import CNghttp2

extension HTTP2Session {
  /// Takes in all of `bytes` and tells the delegate. `now`, nanoseconds of a monotonic clock, feeds
  /// the flood budgets. After an error the owner pumps once (there may be a GOAWAY) and closes.
  package func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) throws(HTTP2Error) {
    flood.pointee.refill(now: now)
    let taken = nghttp2_session_mem_recv(
      raw, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    if arrivedBytes > 0 {
      nghttp2_session_consume_connection(raw, arrivedBytes)
      arrivedBytes = 0
    }
    if let failure { throw failure }
    guard taken >= 0 else {
      let error = HTTP2Error(code: taken)
      // nghttp2 says it without a GOAWAY when too many answers wait to be sent.
      if error == .flooded { terminate(.enhanceYourCalm) }
      throw error
    }
  }

  /// Lets the peer send `count` more bytes on a stream: those of chunks that were used.
  package func giveBack(_ count: Int, on stream: HTTP2Stream) {
    guard count > 0, !stream.state.pointee.isLastFrame else { return }
    nghttp2_session_consume_stream(raw, stream.id, count)
  }

  /// Lets the peer send up to `bytes` on one stream before they are given back.
  package func widenWindow(to bytes: Int, on stream: HTTP2Stream) {
    guard !stream.state.pointee.isLastFrame else { return }
    nghttp2_session_set_local_window_size(raw, 0, stream.id, Int32(clamping: bytes))
  }

  /// The stream of a header block that has begun and not ended; 0 when there is none.
  package var openHeaderBlock: Int32 { flood.pointee.openBlock }

  // MARK: - Called by the callbacks

  func beganFrame(_ header: nghttp2_frame_hd) -> Int32 {
    switch UInt32(header.type) {
    case NGHTTP2_DATA.rawValue:
      if mayCarryNothing(header), header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) == 0 {
        flood.pointee.countControl()
      } else {
        flood.pointee.earn(1)
        return 0
      }
    case NGHTTP2_HEADERS.rawValue: flood.pointee.headerBlockStarted()
    case NGHTTP2_CONTINUATION.rawValue: flood.pointee.countContinuation()
    case NGHTTP2_RST_STREAM.rawValue: flood.pointee.countReset()
    default: flood.pointee.countControl()
    }
    return flood.pointee.isExceeded ? stopFlood() : 0
  }

  func beganHeaders(_ id: Int32) -> Int32 {
    block.begin(pool)
    flood.pointee.openBlock = id
    guard role == .server, nghttp2_session_get_stream_user_data(raw, id) == nil else { return 0 }
    nghttp2_session_set_stream_user_data(raw, id, addStream(id))
    return 0
  }

  func header(
    _ name: UnsafePointer<UInt8>?, _ nameLength: Int, _ value: UnsafePointer<UInt8>?,
    _ valueLength: Int
  ) -> Int32 {
    block.append(name: name, nameLength, value: value, valueLength)
    // A small block can unpack to very much (HPACK bomb): past all sense the connection ends.
    return block.listSize > 16 * settings.maxHeaderListSize ? stopFlood() : 0
  }

  func dataChunk(
    _ chunk: UnsafeRawBufferPointer, _ state: UnsafeMutablePointer<StreamState>?, _ flags: UInt8
  ) {
    arrivedBytes += chunk.count
    guard let state, let delegate else { return }
    if flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 { state.pointee.isLastFrame = true }
    delegate.received(chunk, on: HTTP2Stream(state: state))
  }

  func frameReceived(_ frame: UnsafeRawPointer) -> Int32 {
    let header = frame.load(as: nghttp2_frame_hd.self)
    let endStream = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch UInt32(header.type) {
    case NGHTTP2_DATA.rawValue:
      guard endStream, let state = state(of: header.stream_id) else { break }
      state.pointee.peerEnded = true
      delegate?.receivedEnd(on: HTTP2Stream(state: state))
    case NGHTTP2_HEADERS.rawValue:
      guard let state = state(of: header.stream_id) else { break }
      let category = frame.load(as: nghttp2_headers.self).cat
      headersReceived(state, category, endStream: endStream)
    case NGHTTP2_PING.rawValue where header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0:
      let opaque = frame.load(as: nghttp2_ping.self).opaque_data
      let payload = withUnsafeBytes(of: opaque) { $0.loadUnaligned(as: UInt64.self) }
      delegate?.receivedPingAcknowledgement(payload)
    case NGHTTP2_SETTINGS.rawValue where header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0:
      delegate?.receivedSettings()
    case NGHTTP2_GOAWAY.rawValue:
      let goAway = frame.load(as: nghttp2_goaway.self)
      let debug = UnsafeBufferPointer(start: goAway.opaque_data, count: goAway.opaque_data_len)
      delegate?.receivedGoAway(
        lastStreamID: goAway.last_stream_id, HTTP2ErrorCode(rawValue: goAway.error_code),
        debug: String(decoding: debug.prefix(256), as: UTF8.self))
    default: break
    }
    return 0
  }

  func closed(_ state: UnsafeMutablePointer<StreamState>, _ code: UInt32) {
    if code == 0, state.pointee.peerEnded, state.pointee.isEnded { flood.pointee.streamCompleted() }
    delegate?.streamClosed(HTTP2Stream(state: state), HTTP2ErrorCode(rawValue: code))
    release(state)
  }

  // MARK: - Details

  /// An empty DATA frame, or one that may be padding only: at most 255 bytes and their length.
  private func mayCarryNothing(_ header: nghttp2_frame_hd) -> Bool {
    header.length == 0
      || header.length <= 256 && header.flags & UInt8(NGHTTP2_FLAG_PADDED.rawValue) != 0
  }

  private func headersReceived(
    _ state: UnsafeMutablePointer<StreamState>, _ category: nghttp2_headers_category,
    endStream: Bool
  ) {
    flood.pointee.openBlock = 0
    state.pointee.peerEnded = endStream
    var kind = HTTP2HeaderKind.trailers
    if category == NGHTTP2_HCAT_REQUEST {
      kind = .request
    } else if !state.pointee.hasFinalHeaders, role == .client {
      let isInformational = block.count > 0 && block[0].value.first == UInt8(ascii: "1")
      kind = isInformational ? .informational : .response
    }
    if kind == .request || kind == .response { state.pointee.hasFinalHeaders = true }
    delegate?.received(block, kind, on: HTTP2Stream(state: state), endStream: endStream)
    block.end(pool)
  }

  private func state(of id: Int32) -> UnsafeMutablePointer<StreamState>? {
    nghttp2_session_get_stream_user_data(raw, id)?.assumingMemoryBound(to: StreamState.self)
  }

  private func stopFlood() -> Int32 {
    failure = .flooded
    nghttp2_session_terminate_session(raw, HTTP2ErrorCode.enhanceYourCalm.rawValue)
    return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
  }
}
