/// What is said to a client that speaks plain text to a port of TLS, in its own language: it would otherwise see a broken
/// connection, or take the alert of TLS for a frame that is too large.
struct PlainTextAnswer {
  /// A client is read for its first request; more than this before it is no honest client's.
  private static let mostBytes = 16 << 10
  private static let sentence =
    "This port speaks gRPC over HTTP/2 and TLS, and asks for a client certificate. Use TLS: https:// with"
    + " a CA, a certificate and a key; secure_channel in place of insecure_channel."
  private static let methods = [
    "GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ", "TRACE ",
  ]
  private static let prefaceBytes = 24

  /// For the log.
  let what: String
  private let isHTTP2: Bool
  private var received: [UInt8] = []

  /// nil for the first bytes of TLS, and for what is no text of HTTP.
  init?(to start: UnsafeRawBufferPointer) {
    guard let first = start.first, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) else {
      return nil
    }
    let text = String(decoding: start.prefix(16), as: UTF8.self)
    isHTTP2 = text.hasPrefix("PRI ")
    guard isHTTP2 || Self.methods.contains(where: text.hasPrefix) else { return nil }
    what = isHTTP2 ? "plain HTTP/2" : "plain HTTP/1"
  }

  /// Said at once: the answer, or an empty SETTINGS, without which HTTP/2 clients send no request.
  var opening: [UInt8] { isHTTP2 ? Self.frame(4, stream: 0, []) : Self.http1 }

  /// Takes what came; the rest of what is to be said when there is a request to answer, and nothing is waited for then.
  mutating func receive(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
    guard isHTTP2 else { return [] }
    received += bytes.prefix(Self.mostBytes)
    guard let stream = requestedStream() else {
      return received.count < Self.mostBytes ? nil : Self.goAway(last: 0)
    }
    return Self.frame(1, flags: 5, stream: stream, Self.refusal) + Self.goAway(last: stream)
  }

  /// The stream of the first HEADERS frame behind the preface.
  private func requestedStream() -> UInt32? {
    var place = Self.prefaceBytes
    while place + 9 <= received.count {
      let head = received[place..<place + 9]
      let length = head.prefix(3).reduce(0) { $0 << 8 | Int($1) }
      let stream = head.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
      if received[place + 3] == 1 { return stream }
      place += 9 + length
    }
    return nil
  }

  private static var http1: [UInt8] {
    let body = sentence + "\n"
    return Array(
      ("HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
        + "content-length: \(body.utf8.count)\r\nconnection: close\r\n\r\n" + body).utf8)
  }

  /// A call's end (trailers only) as gRPC clients show it, in literal fields (RFC 7541 section 6.2.2).
  private static var refusal: [UInt8] {
    [0x88] + literal("content-type", "application/grpc") + literal("grpc-status", "14")
      + literal("grpc-message", sentence)
  }

  private static func literal(_ name: String, _ value: String) -> [UInt8] {
    [0] + string(name) + string(value)
  }

  private static func string(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
    // RFC 7541 section 5.1, for lengths below 127 + 2^14.
    let rest = bytes.count - 127
    let length: [UInt8] = rest < 128 ? [UInt8(rest)] : [UInt8(rest & 127) | 128, UInt8(rest >> 7)]
    return [127] + length + bytes
  }

  /// INADEQUATE_SECURITY (RFC 9113 section 7), the sentence as debug data.
  private static func goAway(last: UInt32) -> [UInt8] {
    frame(7, stream: 0, bigEndian(last) + bigEndian(0xC) + Array(sentence.utf8))
  }

  private static func frame(
    _ type: UInt8, flags: UInt8 = 0, stream: UInt32, _ payload: [UInt8]
  ) -> [UInt8] {
    bigEndian(UInt32(payload.count)).dropFirst() + [type, flags] + bigEndian(stream) + payload
  }

  private static func bigEndian(_ number: UInt32) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }
}
