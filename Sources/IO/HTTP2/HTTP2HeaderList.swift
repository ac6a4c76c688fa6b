import CNghttp2

/// A list of header fields to send, kept in the form nghttp2 reads.
///
/// Static names and values are never copied; other bytes are copied once into the list and once by
/// nghttp2 when submitted, so a list can be reused or dropped after any call that takes it.
/// Names must be lower-case.
package final class HTTP2HeaderList {
  private var fields: [nghttp2_nv] = []
  /// Bytes of the fields that are not static, in order.
  private var bytes: [UInt8] = []

  package init() {}

  package convenience init(_ fields: KeyValuePairs<StaticString, StaticString>) {
    self.init()
    for (name, value) in fields { append(name, value) }
  }

  package var count: Int { fields.count }

  package func removeAll() {
    fields.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
  }

  package func append(_ name: StaticString, _ value: StaticString) {
    var field = Self.field(named: name)
    field.value = UnsafeMutablePointer(mutating: value.utf8Start)
    field.valuelen = value.utf8CodeUnitCount
    field.flags |= UInt8(NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
    fields.append(field)
  }

  package func append(_ name: StaticString, _ value: some Sequence<UInt8>) {
    var field = Self.field(named: name)
    let start = bytes.count
    bytes.append(contentsOf: value)
    field.valuelen = bytes.count - start
    fields.append(field)
  }

  package func append(_ name: StaticString, _ value: String) {
    append(name, value.utf8)
  }

  package func append(_ name: String, _ value: String) {
    let start = bytes.count
    bytes.append(contentsOf: name.utf8)
    let middle = bytes.count
    bytes.append(contentsOf: value.utf8)
    fields.append(
      nghttp2_nv(
        name: nil, value: nil, namelen: middle - start, valuelen: bytes.count - middle, flags: 0))
  }

  /// Calls `body` with the fields; pointers into them are valid until it returns.
  func withFields<R>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> R) -> R {
    if bytes.isEmpty {
      return fields.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
    }
    return bytes.withUnsafeMutableBufferPointer { bytes in
      var next = bytes.baseAddress
      for i in fields.indices {
        if fields[i].flags & UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue) == 0 {
          fields[i].name = next
          next = next.map { $0 + fields[i].namelen }
        }
        if fields[i].flags & UInt8(NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue) == 0 {
          fields[i].value = next
          next = next.map { $0 + fields[i].valuelen }
        }
      }
      return fields.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
    }
  }

  private static func field(named name: StaticString) -> nghttp2_nv {
    nghttp2_nv(
      name: UnsafeMutablePointer(mutating: name.utf8Start), value: nil,
      namelen: name.utf8CodeUnitCount, valuelen: 0,
      flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue))
  }
}
