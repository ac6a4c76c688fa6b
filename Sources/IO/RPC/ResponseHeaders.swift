import GRPCWire
import HTTP2

/// The header lists that most answers share, one set for each event loop.
final class ResponseHeaders {
  /// Before the first message.
  let begin = HTTP2HeaderList([
    ":status": "200", "content-type": "application/grpc", "grpc-accept-encoding": "identity",
  ])
  /// The trailers of success.
  let ok = HTTP2HeaderList(["grpc-status": "0"])

  func trailers(_ status: Status) -> HTTP2HeaderList {
    if status.code == .ok, status.message.isEmpty, status.details.isEmpty { return ok }
    let list = HTTP2HeaderList()
    for entry in status.trailers().entries { list.append(entry.name, entry.value) }
    return list
  }

  /// Everything in one HEADERS frame, for a call that has no message.
  func trailersOnly(_ status: Status, extra: Metadata = Metadata()) -> HTTP2HeaderList {
    let list = HTTP2HeaderList([
      ":status": "200", "content-type": "application/grpc", "grpc-accept-encoding": "identity",
    ])
    for entry in extra.entries where entry.name != "grpc-accept-encoding" {
      list.append(entry.name, entry.value)
    }
    for entry in status.trailers().entries { list.append(entry.name, entry.value) }
    return list
  }

  /// For a request that is not gRPC at all.
  func http(status: Int) -> HTTP2HeaderList {
    let list = HTTP2HeaderList()
    list.append(":status", "\(status)")
    if status == 405 { list.append("allow", "POST") }
    list.append("content-length", "0")
    return list
  }
}
