package import Protobuf

/// A consumed record as it lies in the bytes of its message: ranges instead of copies.
///
/// Valid only as long as those bytes.
package struct RecordView {
  package var value = UnsafeRawBufferPointer(start: nil, count: 0)
  package var key = UnsafeRawBufferPointer(start: nil, count: 0)
  package var offset: UInt64 = 0
  package var term: UInt64 = 0
  /// Nanoseconds since 1970.
  package var timestamp: UInt64 = 0
  /// The record's own bytes, for the headers, which few ask for.
  private let bytes: UnsafeRawBufferPointer

  /// Reads a serialized log.v1.Record.
  init(_ bytes: UnsafeRawBufferPointer) throws(ProtobufError) {
    self.bytes = bytes
    var reader = WireReader(bytes)
    while let tag = try reader.next() {
      switch tag {
      case .length(1): value = try reader.content()
      case .varint(2): offset = try reader.varint()
      case .varint(3): term = try reader.varint()
      case .length(8): key = try reader.content()
      case .fixed64(9): timestamp = try reader.fixed64()
      default: try reader.skip(tag)
      }
    }
  }

  /// The headers in order, decoded at each call.
  package func headers() throws(ProtobufError) -> [Record.Header] {
    var headers: [Record.Header] = []
    var reader = WireReader(bytes)
    while let tag = try reader.next() {
      guard case .length(10) = tag else {
        try reader.skip(tag)
        continue
      }
      var header = Record.Header(name: "", value: [])
      var inner = try reader.nested()
      while let tag = try inner.next() {
        switch tag {
        case .length(1): header.name = try inner.string(field: 1)
        case .length(2): header.value = try inner.byteArray()
        default: try inner.skip(tag)
        }
      }
      headers.append(header)
    }
    return headers
  }

  /// A copy that outlives the bytes.
  package func copy() throws(ProtobufError) -> Record {
    var record = Record(
      value: [UInt8](value), key: [UInt8](key), headers: try headers(), timestamp: timestamp)
    record.offset = offset
    record.term = term
    return record
  }
}

extension RecordView {
  /// `headers()` for those who cannot act on what is wrong with them.
  package func decodedHeaders() throws(DistlogError) -> [Record.Header] {
    do {
      return try headers()
    } catch {
      throw .malformedAnswer("log.v1.Record", error)
    }
  }
}
