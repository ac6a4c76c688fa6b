internal import GRPCWire
internal import HTTP2

/// Response headers and trailers as `Metadata`; the commonest ones are known without making any.
enum ResponseMetadata {
  /// The trailers of success.
  static let ok = Metadata([("grpc-status", "0")])

  /// Whether these are the headers of a gRPC response that nothing is to be said about.
  static func isOrdinary(_ block: borrowing HTTP2HeaderBlock) -> Bool {
    var isGRPC = false
    for index in 0..<block.count {
      let (name, value) = block[index]
      if name.equals(":status") {
        guard value.equals("200") else { return false }
      } else if name.equals("content-type") {
        guard value.equals("application/grpc") || value.equals("application/grpc+proto") else {
          return false
        }
        isGRPC = true
      } else if name.equals("grpc-encoding") || name.equals("grpc-status") {
        return false
      }
    }
    return isGRPC
  }

  /// Whether these are trailers that say OK and no more.
  static func isOK(_ block: borrowing HTTP2HeaderBlock) -> Bool {
    guard block.count == 1 else { return false }
    let (name, value) = block[0]
    return name.equals("grpc-status") && value.equals("0")
  }

  /// All fields but pseudo-headers.
  static func of(_ block: borrowing HTTP2HeaderBlock) -> Metadata {
    var metadata = Metadata()
    for index in 0..<block.count {
      let (name, value) = block[index]
      if name.first == UInt8(ascii: ":") { continue }
      metadata.add(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
    }
    return metadata
  }
}
