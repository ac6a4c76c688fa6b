import HTTP2

/// One side of a connection in memory: a session, what it was told, and what it has to say.
final class Peer: HTTP2SessionDelegate {
  enum Event: Equatable {
    case headers(Int32, [String], HTTP2HeaderKind, endStream: Bool)
    case data(Int32, String)
    case end(Int32)
    case closed(Int32, UInt32)
    case pingAcknowledged(UInt64)
    case goAway(last: Int32, UInt32)
    case settings
  }

  let session: HTTP2Session
  var events: [Event] = []
  var streams: [Int32: HTTP2Stream] = [:]
  var dataBytes: [Int32: Int] = [:]
  var failure: HTTP2Error?
  /// Whether DATA is noted as text, and its window given back at once.
  var notesData = true
  var givesBack = true
  /// Called with each request or response head, while the session is receiving.
  var onHeaders: ((HTTP2Stream) -> Void)?

  init(_ role: HTTP2Session.Role, _ settings: HTTP2Settings = HTTP2Settings()) throws {
    session = try HTTP2Session(role: role, settings: settings)
    session.delegate = self
  }

  func receive(_ bytes: some Collection<UInt8>, now: UInt64 = 0) {
    Array(bytes).withUnsafeBytes { bytes in
      do throws(HTTP2Error) { try session.receive(bytes, now: now) } catch { failure = error }
    }
  }

  func takeBytes(upTo limit: Int = .max) throws -> [UInt8] {
    let output = HTTP2Output()
    try session.pump(into: output, upTo: limit)
    return Array(output.bytes)
  }

  func write(_ text: String, on stream: HTTP2Stream) {
    write(Array(text.utf8), on: stream)
  }

  func write(_ bytes: [UInt8], on stream: HTTP2Stream) {
    session.write(bytes.count, on: stream) { target in
      target.copyBytes(from: bytes)
      return bytes.count
    }
  }

  func drained() -> [Int32] {
    var ids: [Int32] = []
    session.takeDrained { ids.append($0.id) }
    return ids
  }

  /// Exchanges bytes until both are silent.
  static func exchange(_ one: Peer, _ other: Peer) throws {
    while true {
      let there = try one.takeBytes()
      other.receive(there)
      let back = try other.takeBytes()
      one.receive(back)
      if there.isEmpty, back.isEmpty { return }
    }
  }

  static func pair(
    client: HTTP2Settings = HTTP2Settings(), server: HTTP2Settings = HTTP2Settings()
  ) throws -> (client: Peer, server: Peer) {
    let pair = (client: try Peer(.client, client), server: try Peer(.server, server))
    try exchange(pair.client, pair.server)
    pair.client.events = []
    pair.server.events = []
    return pair
  }

  static var request: HTTP2HeaderList {
    HTTP2HeaderList([":method": "POST", ":scheme": "https", ":path": "/a/B", ":authority": "x"])
  }
  static var response: HTTP2HeaderList { HTTP2HeaderList([":status": "200"]) }

  // MARK: - HTTP2SessionDelegate

  func received(
    _ block: borrowing HTTP2HeaderBlock, _ kind: HTTP2HeaderKind, on stream: HTTP2Stream,
    endStream: Bool
  ) {
    streams[stream.id] = stream
    var fields: [String] = []
    for index in 0..<block.count {
      let (name, value) = block[index]
      fields.append(
        "\(String(decoding: name, as: UTF8.self)): \(String(decoding: value, as: UTF8.self))")
    }
    if block.isTooLarge { fields = ["too large"] }
    events.append(.headers(stream.id, fields, kind, endStream: endStream))
    if kind != .trailers { onHeaders?(stream) }
  }

  func received(_ chunk: UnsafeRawBufferPointer, on stream: HTTP2Stream) {
    dataBytes[stream.id, default: 0] += chunk.count
    if givesBack { session.giveBack(chunk.count, on: stream) }
    guard notesData else { return }
    let text = String(decoding: chunk, as: UTF8.self)
    // How DATA is cut is not what is tested here: neighbours are one.
    if case .data(stream.id, let before) = events.last {
      events[events.count - 1] = .data(stream.id, before + text)
    } else {
      events.append(.data(stream.id, text))
    }
  }

  func receivedEnd(on stream: HTTP2Stream) { events.append(.end(stream.id)) }

  func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    streams[stream.id] = nil
    events.append(.closed(stream.id, code.rawValue))
  }

  func receivedPingAcknowledgement(_ payload: UInt64) { events.append(.pingAcknowledged(payload)) }

  func receivedGoAway(lastStreamID: Int32, _ code: HTTP2ErrorCode, debug: String) {
    events.append(.goAway(last: lastStreamID, code.rawValue))
  }

  func receivedSettings() { events.append(.settings) }
}
