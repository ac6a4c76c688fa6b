import CNghttp2

extension HTTP2Session {
  /// How many streams the peer lets this side have open at once; a large number when it did not say.
  package var peerMaxConcurrentStreams: Int {
    Int(nghttp2_session_get_remote_settings(raw, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
  }
}
