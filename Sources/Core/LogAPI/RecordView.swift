/// A `Record` as it lies in a client's bytes: ranges instead of copies.
///
/// Valid only as long as those bytes. `offset` and `term` are left out: a server ignores them.
package struct RecordView {
  package var value = UnsafeRawBufferPointer(start: nil, count: 0)
  package var key = UnsafeRawBufferPointer(start: nil, count: 0)
  /// The header fields with their tags and lengths, in order and in the one form in which this
  /// project writes them; they can be stored and served as they are.
  package var headers = UnsafeRawBufferPointer(start: nil, count: 0)
  package var headerCount = 0
  /// Nanoseconds since 1970; 0 when not given.
  package var timestamp: UInt64 = 0
  package var type: UInt32 = 0
  /// 0 when not given.
  package var crc32c: UInt32 = 0

  package init() {}

  /// The headers one by one.
  package var headerViews: HeaderViews { HeaderViews(rest: headers) }
}

/// Walks the headers of a `RecordView`.
package struct HeaderViews: Sequence, IteratorProtocol {
  /// One header: a name in UTF-8, and a value.
  package struct Element {
    package var name: UnsafeRawBufferPointer
    package var value: UnsafeRawBufferPointer
  }

  /// Invariant: whole header fields, which `RecordScanner` has checked.
  fileprivate var rest: UnsafeRawBufferPointer

  package mutating func next() -> Element? {
    guard let base = rest.baseAddress, !rest.isEmpty else { return nil }
    var cursor = ByteCursor(base, count: rest.count)
    cursor.skip(1)
    guard let content = cursor.content() else { return nil }
    rest = cursor.rest
    return RecordScanner.header(content)
  }
}
