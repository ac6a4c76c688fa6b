/// What a session knows of one stream; plain data at a fixed address, set as nghttp2's stream user
/// data, so that no callback looks anything up or counts references.
struct StreamState {
  let id: Int32
  /// The owner's object for this stream, not retained.
  var context: UnsafeMutableRawPointer?
  /// Bytes of DATA not yet taken by nghttp2.
  var output = ByteQueue()
  /// Sent after the last byte of `output`; nil with `isEnded` means a bare END_STREAM.
  var trailers: Unmanaged<HTTP2HeaderList>?
  /// Neighbours in the session's list of live streams; `next` also links free states in the pool.
  var next: UnsafeMutablePointer<StreamState>?
  var previous: UnsafeMutablePointer<StreamState>?
  /// Next in the session's list of streams whose output was taken.
  var nextDrained: UnsafeMutablePointer<StreamState>?
  var isOnDrainedList = false
  /// nghttp2 was told that there is nothing to send; it has to be woken.
  var isDeferred = false
  /// No more bytes will be appended.
  var isEnded = false
  /// HEADERS of this stream went to nghttp2 with a data provider.
  var hasBody = false
  var isClosed = false
  var hasFinalHeaders = false
  var peerEnded = false
  /// The DATA frame being received is the peer's last: its window needs no update.
  var isLastFrame = false

  init(id: Int32) { self.id = id }
}

/// A reference to a live stream of an `HTTP2Session`.
///
/// Valid until the delegate's `streamClosed` for it returns; the owner must forget it then.
package struct HTTP2Stream: Equatable {
  let state: UnsafeMutablePointer<StreamState>

  package var id: Int32 { state.pointee.id }

  /// The owner's object for this stream as an unretained pointer; nil until set.
  package var context: UnsafeMutableRawPointer? {
    get { state.pointee.context }
    nonmutating set { state.pointee.context = newValue }
  }

  /// Bytes written and not yet taken into DATA frames.
  package var bufferedBytes: Int { state.pointee.output.count }

  /// Whether `end` was called, or the HEADERS carried END_STREAM.
  package var isEnded: Bool { state.pointee.isEnded }

  /// Whether the peer has sent END_STREAM.
  package var peerEnded: Bool { state.pointee.peerEnded }
}
