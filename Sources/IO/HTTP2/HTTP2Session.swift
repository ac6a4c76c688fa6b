import CNghttp2

/// One HTTP/2 connection, either side, without a socket: bytes in become delegate calls,
/// submissions become bytes out (RFC 9113, by nghttp2).
///
/// Windows are never updated behind the owner's back, except the connection's, which is given back
/// on arrival: one stream that nobody reads does not stall its neighbours.
/// Not Sendable: used on one thread.
package final class HTTP2Session {
  package enum Role: Sendable { case client, server }

  /// The largest DATA frame sent, whatever more the peer allows: one TLS record, and no more than
  /// this is pumped over the limit that the owner sets.
  static let largestDataFrame = 16 << 10

  package let role: Role
  package let settings: HTTP2Settings
  /// Told about everything received; not retained. Set it before feeding bytes.
  package unowned(unsafe) var delegate: (any HTTP2SessionDelegate)?

  let pool: HTTP2Pool
  /// nil only before `init` has finished.
  var raw: OpaquePointer?
  let block: HTTP2HeaderBlock
  /// Behind a pointer for the reason that `HTTP2HeaderBlock` gives.
  let flood: UnsafeMutablePointer<FloodGuard>
  /// Live streams, newest first.
  var firstStream: UnsafeMutablePointer<StreamState>?
  package internal(set) var streamCount = 0
  /// Streams whose output was taken since `takeDrained`, oldest first.
  var firstDrained: UnsafeMutablePointer<StreamState>?
  var lastDrained: UnsafeMutablePointer<StreamState>?
  /// DATA bytes of this `receive` for which the connection's window is still to be given back.
  var arrivedBytes = 0
  /// Where `pump` writes, and how far; set only while it runs.
  var output: HTTP2Output?
  var outputLimit = 0
  /// Set by a callback that made nghttp2 stop.
  var failure: HTTP2Error?

  package init(
    role: Role, settings: HTTP2Settings = HTTP2Settings(), pool: HTTP2Pool = HTTP2Pool()
  ) throws(HTTP2Error) {
    self.role = role
    self.settings = settings
    self.pool = pool
    block = HTTP2HeaderBlock(limit: settings.maxHeaderListSize)
    flood = .allocate(capacity: 1)
    flood.initialize(to: FloodGuard(settings.flood))
    try open()
  }

  deinit {
    // Frees what is in nghttp2 first: it reads stream states no more afterwards.
    if let raw { nghttp2_session_del(raw) }
    while let state = firstStream { release(state) }
    while let state = firstDrained {
      firstDrained = state.pointee.nextDrained
      pool.giveStream(state)
    }
    block.deallocate(into: pool)
    flood.deallocate()
  }

  private func open() throws(HTTP2Error) {
    let noMemory = HTTP2Error(code: Int(NGHTTP2_ERR_NOMEM.rawValue))
    guard let callbacks = HTTP2Callbacks.make() else { throw noMemory }
    defer { nghttp2_session_callbacks_del(callbacks) }
    var options: OpaquePointer?
    guard nghttp2_option_new(&options) == 0 else { throw noMemory }
    defer { nghttp2_option_del(options) }
    nghttp2_option_set_no_auto_window_update(options, 1)
    nghttp2_option_set_no_closed_streams(options, 1)
    nghttp2_option_set_max_outbound_ack(options, 256)
    nghttp2_option_set_max_settings(options, 32)
    if role == .client { nghttp2_option_set_peer_max_concurrent_streams(options, 100) }
    let user = Unmanaged.passUnretained(self).toOpaque()
    let code =
      role == .server
      ? nghttp2_session_server_new2(&raw, callbacks, user, options)
      : nghttp2_session_client_new2(&raw, callbacks, user, options)
    guard code == 0 else { throw HTTP2Error(code: Int(code)) }
    try submitSettings()
  }

  private func submitSettings() throws(HTTP2Error) {
    var entries = [
      entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.streamWindow),
      entry(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, settings.maxFrameSize),
      entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.maxHeaderListSize),
    ]
    if role == .server {
      entries.append(
        entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.maxConcurrentStreams))
    } else {
      entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
    }
    try check(nghttp2_submit_settings(raw, 0, entries, entries.count))
    try check(
      nghttp2_session_set_local_window_size(raw, 0, 0, Int32(clamping: settings.connectionWindow)))
  }

  private func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
    nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(clamping: value))
  }

  /// Whether the session is over: nothing more will be read or written.
  package var isFinished: Bool {
    nghttp2_session_want_read(raw) == 0 && nghttp2_session_want_write(raw) == 0
  }

  /// Calls `body` for every live stream, newest first; `body` may reset or end any stream.
  package func forEachStream(_ body: (HTTP2Stream) -> Void) {
    var next = firstStream
    while let state = next {
      next = state.pointee.next
      body(HTTP2Stream(state: state))
    }
  }

  func check(_ code: Int32) throws(HTTP2Error) {
    guard code == 0 else { throw HTTP2Error(code: Int(code)) }
  }

  // MARK: - Live streams

  func addStream(_ id: Int32) -> UnsafeMutablePointer<StreamState> {
    let state = pool.takeStream(id: id)
    state.pointee.next = firstStream
    firstStream?.pointee.previous = state
    firstStream = state
    streamCount += 1
    return state
  }

  /// Takes a stream off the list and gives its memory back, now or when the drained list lets go.
  func release(_ state: UnsafeMutablePointer<StreamState>) {
    if let previous = state.pointee.previous {
      previous.pointee.next = state.pointee.next
    } else {
      firstStream = state.pointee.next
    }
    state.pointee.next?.pointee.previous = state.pointee.previous
    streamCount -= 1
    state.pointee.trailers?.release()
    state.pointee.trailers = nil
    state.pointee.isClosed = true
    state.pointee.context = nil
    if !state.pointee.isOnDrainedList { pool.giveStream(state) }
  }
}

/// What one side tells the other at the start, in bytes, and its limits on the other's conduct.
package struct HTTP2Settings: Sendable, Equatable {
  package var maxConcurrentStreams = 256
  /// How many bytes a stream may send before its first window update.
  package var streamWindow = 256 << 10
  /// The same for the whole connection; given back on arrival, so it bounds only what is in flight.
  package var connectionWindow = 4 << 20
  package var maxFrameSize = 64 << 10
  package var maxHeaderListSize = 16 << 10
  package var flood = FloodGuard.Limits()

  package init() {}
}

/// The linked library.
package enum HTTP2Library {
  /// As nghttp2 reports it, such as "1.52.0".
  package static var version: String {
    guard let info = nghttp2_version(0), let text = info.pointee.version_str else { return "" }
    return String(cString: text)
  }
}
