internal import GRPCWire
internal import HTTP2
internal import NIOCore

/// The headers of calls on one connection, ready-made for each method.
final class RequestHeaders {
  private static let maxMethods = 64

  private let authority: String
  private let isEncrypted: Bool
  private let userAgent: String
  private var ready: [String: HTTP2HeaderList] = [:]

  init(_ configuration: RPCChannelConfiguration) {
    authority = configuration.authority
    isEncrypted = configuration.tls != nil
    userAgent = configuration.userAgent
  }

  /// Valid until the next call of this.
  func list(for call: ClientCall) -> HTTP2HeaderList {
    guard call.deadline == nil, call.metadata.isEmpty else {
      let list = base(call.path)
      if let deadline = call.deadline {
        let left = max(0, (deadline - .now()).nanoseconds)
        list.append("grpc-timeout", GRPCTimeout.format(.nanoseconds(left)))
      }
      for (name, value) in call.metadata { list.append(name.lowercased(), value) }
      return list
    }
    if let list = ready[call.path] { return list }
    let list = base(call.path)
    if ready.count < Self.maxMethods { ready[call.path] = list }
    return list
  }

  private func base(_ path: String) -> HTTP2HeaderList {
    let list = HTTP2HeaderList()
    list.append(":method", "POST")
    if isEncrypted { list.append(":scheme", "https") } else { list.append(":scheme", "http") }
    list.append(":path", path)
    list.append(":authority", authority)
    list.append("te", "trailers")
    list.append("content-type", "application/grpc")
    list.append("user-agent", userAgent)
    return list
  }
}
