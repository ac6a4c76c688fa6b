import CNghttp2

/// The functions nghttp2 calls, for both roles: each finds its session in the user data and its
/// stream in the stream user data, without counting references, and calls one method.
///
/// Nothing here decides anything: see `HTTP2Session+Receiving` and `HTTP2Session+Sending`.
enum HTTP2Callbacks {
  /// Installs all callbacks; nil when memory is exhausted. The caller deletes the result.
  static func make() -> OpaquePointer? {
    var made: OpaquePointer?
    guard nghttp2_session_callbacks_new(&made) == 0, let callbacks = made else { return nil }
    installReceiving(callbacks)
    installSending(callbacks)
    return callbacks
  }

  private static func installReceiving(_ callbacks: OpaquePointer) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, header, user in
      guard let header else { return 0 }
      return session(user)._withUnsafeGuaranteedRef { $0.beganFrame(header.pointee) }
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, user in
      guard let frame else { return 0 }
      let header = UnsafeRawPointer(frame).load(as: nghttp2_frame_hd.self)
      return session(user)._withUnsafeGuaranteedRef { $0.beganHeaders(header.stream_id) }
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, _, name, nameLength, value, valueLength, _, user in
      session(user)._withUnsafeGuaranteedRef {
        $0.header(name, nameLength, value, valueLength)
      }
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      raw, flags, id, data, length, user in
      let chunk = UnsafeRawBufferPointer(start: data, count: length)
      let state = streamState(raw, id)
      session(user)._withUnsafeGuaranteedRef { $0.dataChunk(chunk, state, flags) }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
      guard let frame else { return 0 }
      return session(user)._withUnsafeGuaranteedRef { $0.frameReceived(UnsafeRawPointer(frame)) }
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { raw, id, code, user in
      guard let state = streamState(raw, id) else { return 0 }
      session(user)._withUnsafeGuaranteedRef { $0.closed(state, code) }
      return 0
    }
  }

  private static func installSending(_ callbacks: OpaquePointer) {
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { raw, frame, user in
      guard let frame else { return 0 }
      let header = UnsafeRawPointer(frame).load(as: nghttp2_frame_hd.self)
      switch UInt32(header.type) {
      case NGHTTP2_HEADERS.rawValue
      where header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0:
        guard let state = streamState(raw, header.stream_id) else { break }
        session(user)._withUnsafeGuaranteedRef { $0.sentEnd(state) }
      case NGHTTP2_RST_STREAM.rawValue:
        let reset = UnsafeRawPointer(frame).load(as: nghttp2_rst_stream.self)
        session(user)._withUnsafeGuaranteedRef { $0.sentReset(reset.error_code) }
      default: break
      }
      return 0
    }
    nghttp2_session_callbacks_set_send_data_callback(callbacks) {
      _, _, frameHeader, length, source, user in
      guard let frameHeader, let state = sourceState(source) else { return 0 }
      return session(user)._withUnsafeGuaranteedRef { $0.sendData(state, frameHeader, length) }
    }
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks) {
      _, _, _, connectionWindow, streamWindow, maxFrame, _ in
      min(
        Int(connectionWindow), Int(streamWindow),
        min(Int(maxFrame), HTTP2Session.largestDataFrame))
    }
  }

  /// Says how much of a stream's output the next DATA frame takes.
  static let readData: nghttp2_data_source_read_callback = {
    _, _, _, length, flags, source, user in
    guard let flags, let state = sourceState(source) else { return 0 }
    return session(user)._withUnsafeGuaranteedRef { $0.readData(state, length, flags) }
  }
}

// Free functions: a C function pointer may capture nothing, not even a metatype.

@inline(__always)
private func session(_ user: UnsafeMutableRawPointer?) -> Unmanaged<HTTP2Session> {
  .fromOpaque(user.unsafelyUnwrapped)
}

@inline(__always)
private func streamState(_ raw: OpaquePointer?, _ id: Int32)
  -> UnsafeMutablePointer<StreamState>?
{
  nghttp2_session_get_stream_user_data(raw, id)?.assumingMemoryBound(to: StreamState.self)
}

@inline(__always)
private func sourceState(_ source: UnsafeMutablePointer<nghttp2_data_source>?)
  -> UnsafeMutablePointer<StreamState>?
{
  source?.pointee.ptr?.assumingMemoryBound(to: StreamState.self)
}
