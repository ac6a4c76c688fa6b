import GRPCWire
import HTTP2

/// A first look at a request's headers, without making a string of any: enough for a plain call.
struct RequestFields {
  var route: ServiceRouter.Route?
  /// POST, application/grpc, and nothing that needs a judgement or reaches the handler.
  private(set) var isPlain = true
  private(set) var timeout: Duration?
  private var isPost = false
  private var isGRPC = false

  init(_ block: borrowing HTTP2HeaderBlock, _ router: ServiceRouter) {
    for index in 0..<block.count {
      let (name, value) = block[index]
      note(name, value, router)
    }
    isPlain = isPlain && isPost && isGRPC
  }

  /// Names are told apart by length first: there are few of each.
  private mutating func note(
    _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ router: ServiceRouter
  ) {
    switch name.count {
    case 2 where name.equals("te"): break
    case 5 where name.equals(":path"): route = router.route(value)
    case 7 where name.equals(":method"): isPost = value.equals("POST")
    case 7 where name.equals(":scheme"): break
    case 10 where name.equals(":authority"): break
    case 10 where name.equals("user-agent"): break
    case 12 where name.equals("content-type"): isGRPC = value.equals("application/grpc")
    case 12 where name.equals("grpc-timeout"): noteTimeout(value)
    case 14 where name.equals("content-length"): break
    case 15 where name.equals("accept-encoding"): break
    case 20 where name.equals("grpc-accept-encoding"): break
    default: isPlain = false
    }
  }

  /// Nine bytes at most, so the string needs no memory; a malformed one is judged elsewhere.
  private mutating func noteTimeout(_ value: UnsafeRawBufferPointer) {
    timeout = value.count <= 15 ? GRPCTimeout.parse(String(decoding: value, as: UTF8.self)) : nil
    if timeout == nil { isPlain = false }
  }

  /// Everything, as strings.
  func full(_ block: borrowing HTTP2HeaderBlock) -> (RequestHead, Metadata) {
    var head = RequestHead()
    var metadata = Metadata()
    for index in 0..<block.count {
      let (name, bytes) = block[index]
      let value = String(decoding: bytes, as: UTF8.self)
      switch String(decoding: name, as: UTF8.self) {
      case ":method": head.method = value
      case ":path": head.path = value
      case "content-type": head.contentType = value
      case "grpc-encoding": head.encoding = value
      case "grpc-timeout": head.timeout = value
      case ":scheme", ":authority", "te", "grpc-accept-encoding", "accept-encoding",
        "content-length":
        break
      case let name: metadata.add(name, value)
      }
    }
    return (head, metadata)
  }
}
