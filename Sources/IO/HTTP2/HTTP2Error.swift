import CNghttp2

/// Why an HTTP/2 session can no longer be used.
package enum HTTP2Error: Error, Equatable, CustomStringConvertible {
  /// The bytes are not HTTP/2 at all: no connection preface.
  case notHTTP2
  /// The peer sends more control frames than an honest one would.
  case flooded
  /// nghttp2 gave up, with its code and text.
  case library(code: Int, String)
  /// No further stream can be opened on this connection.
  case noMoreStreams

  init(code: Int) {
    switch Int32(code) {
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue: self = .notHTTP2
    case NGHTTP2_ERR_FLOODED.rawValue: self = .flooded
    case NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE.rawValue: self = .noMoreStreams
    default: self = .library(code: code, String(cString: nghttp2_strerror(Int32(code))))
    }
  }

  package var description: String {
    switch self {
    case .notHTTP2: "the peer does not speak HTTP/2"
    case .flooded: "the peer floods the connection with control frames"
    case .library(let code, let text): "HTTP/2 failed: \(text) (\(code))"
    case .noMoreStreams: "the connection has no stream numbers left"
    }
  }
}

/// An HTTP/2 error code (RFC 9113 section 7).
package struct HTTP2ErrorCode: RawRepresentable, Equatable, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let noError = Self(rawValue: 0)
  package static let protocolError = Self(rawValue: 1)
  package static let internalError = Self(rawValue: 2)
  package static let flowControlError = Self(rawValue: 3)
  package static let streamClosed = Self(rawValue: 5)
  package static let refusedStream = Self(rawValue: 7)
  package static let cancel = Self(rawValue: 8)
  package static let enhanceYourCalm = Self(rawValue: 11)
}
