import HTTP2

/// One way by which bytes from outside come in, as the fuzzer and the tests drive it.
package enum FuzzTarget: String, CaseIterable, Sendable {
  /// Protobuf: every message, and the view of a ProduceRequest beside its decoder.
  case wire
  /// gRPC: message framing, metadata, timeouts, the states of a call.
  case framing
  case http2Server = "http2-server"
  case http2Client = "http2-client"
  /// A store's bytes in a log that is opened, read, written and opened again.
  case frame
  /// Index, meta and identity files beside good stores.
  case index
  /// A snapshot's stream, read and restored.
  case image
  /// Access rules and the decisions made by them.
  case policy

  /// Drives the code with one input. Throws what must never be; traps and bad memory accesses show themselves.
  package func run(_ input: UnsafeRawBufferPointer) throws(FuzzFinding) {
    switch self {
    case .wire: try WireFuzz.run(FuzzInput(input))
    case .framing: try FramingFuzz.run(FuzzInput(input))
    case .http2Server: try HTTP2Fuzz.run(FuzzInput(input), as: .server)
    case .http2Client: try HTTP2Fuzz.run(FuzzInput(input), as: .client)
    case .frame: try FrameFuzz.run(FuzzInput(input))
    case .index: try IndexFuzz.run(FuzzInput(input))
    case .image: try ImageFuzz.run(FuzzInput(input))
    case .policy: try PolicyFuzz.run(FuzzInput(input))
    }
  }

  /// Valid inputs to start from.
  package var seeds: [[UInt8]] {
    switch self {
    case .wire: WireFuzz.seeds
    case .framing: FramingFuzz.seeds
    case .http2Server: HTTP2Fuzz.seeds(as: .server)
    case .http2Client: HTTP2Fuzz.seeds(as: .client)
    case .frame: FrameFuzz.seeds
    case .index: IndexFuzz.seeds
    case .image: ImageFuzz.seeds
    case .policy: PolicyFuzz.seeds
    }
  }

  /// The longest input worth trying.
  package var maxInputBytes: Int {
    switch self {
    case .wire, .framing, .policy: 4096
    case .http2Server, .http2Client, .frame, .image: 8192
    case .index: 12_288
    }
  }
}
