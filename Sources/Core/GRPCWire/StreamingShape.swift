/// How many messages a method takes and gives.
package enum StreamingShape: Sendable {
  case unary, clientStreaming, serverStreaming, bidirectional

  /// Whether the client sends any number of messages, not exactly one.
  package var streamsRequests: Bool { self == .clientStreaming || self == .bidirectional }

  /// Whether the server sends any number of messages, not exactly one.
  package var streamsResponses: Bool { self == .serverStreaming || self == .bidirectional }
}
