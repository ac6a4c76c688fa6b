/// What the owner of an `HTTP2Session` is told while it receives bytes.
///
/// Streams may be written to, ended or reset inside these calls; the session itself must neither be
/// fed, pumped nor released there.
package protocol HTTP2SessionDelegate: AnyObject {
  /// A whole header block: a request's (server), a response's or an informational one (client), or
  /// trailers. `block` is valid during the call.
  func received(
    _ block: borrowing HTTP2HeaderBlock, _ kind: HTTP2HeaderKind, on stream: HTTP2Stream,
    endStream: Bool)
  /// Bytes of DATA. The connection's window is given back by the session; the stream's by
  /// `giveBack`. `endStream` says that this frame is the peer's last, though not that the chunk is:
  /// `receivedEnd` follows.
  func received(_ chunk: UnsafeRawBufferPointer, on stream: HTTP2Stream)
  /// The peer half-closed the stream with a DATA frame.
  func receivedEnd(on stream: HTTP2Stream)
  /// The stream is over in both directions; the handle is void after this call.
  func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode)
  func receivedPingAcknowledgement(_ payload: UInt64)
  func receivedGoAway(lastStreamID: Int32, _ code: HTTP2ErrorCode, debug: String)
  /// The peer's SETTINGS were applied.
  func receivedSettings()
}

/// Where in a stream a header block stands.
package enum HTTP2HeaderKind: Sendable {
  case request
  case response
  /// A 1xx response: the final one is still to come.
  case informational
  case trailers
}
