internal import Glibc

/// Parts a record in key and value where a separator stands.
enum KeySplit {
  /// At the first separator; the whole is the value when there is none, or `separator` is empty.
  static func split(
    _ record: UnsafeRawBufferPointer, at separator: [UInt8]
  ) -> (key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer) {
    guard let position = position(of: separator, in: record) else { return (nil, record) }
    return (
      UnsafeRawBufferPointer(rebasing: record[..<position]),
      UnsafeRawBufferPointer(rebasing: record[(position + separator.count)...])
    )
  }

  private static func position(
    of separator: [UInt8], in record: UnsafeRawBufferPointer
  ) -> Int? {
    guard let first = separator.first, let base = record.baseAddress else { return nil }
    var start = 0
    while record.count - start >= separator.count {
      // No place further on has room for the whole separator.
      let places = record.count - start - separator.count + 1
      guard let found = memchr(base + start, Int32(first), places) else { return nil }
      let position = UnsafeRawPointer(found) - base
      if memcmp(found, separator, separator.count) == 0 { return position }
      start = position + 1
    }
    return nil
  }
}
