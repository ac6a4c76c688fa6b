/// Why a run of bytes is not a run of gRPC messages.
package enum FramingError: Error, Equatable, Sendable {
  /// The compressed flag without a `grpc-encoding`.
  case compressedWithoutEncoding
  /// A flag other than 0 and 1.
  case unknownFlag(UInt8)
  /// A message longer than the limit; nothing of it was kept.
  case messageTooLarge(size: Int, limit: Int)

  /// How a call that met this ends.
  package var status: Status {
    switch self {
    case .compressedWithoutEncoding:
      Status(.internal, "a message is flagged as compressed, but the call has no grpc-encoding")
    case .unknownFlag(let flag):
      Status(.internal, "a message has the flag \(flag); only 0 and 1 have a meaning")
    case .messageTooLarge(let size, let limit):
      Status(
        .resourceExhausted, "a message of \(size) bytes is over the limit of \(limit) bytes",
        reason: "MESSAGE_TOO_LARGE", metadata: [("limit", "\(limit)"), ("size", "\(size)")])
    }
  }
}
