/// Finds the fields of a `Record` and of its headers in raw bytes.
///
/// It answers only for the usual shapes, which are those that every encoder writes. "No" means:
/// ask the full decoder, which then accepts or refuses.
enum RecordScanner {
  /// Reads the record in `content` into a fresh view. False when its shape is not a usual one.
  ///
  /// - Parameter trusted: the strings are known to be UTF-8; otherwise only ASCII is usual.
  @inline(__always)
  static func scan(
    _ content: UnsafeRawBufferPointer, trusted: Bool, into record: inout RecordView
  ) -> Bool {
    guard let base = content.baseAddress else { return true }
    var cursor = ByteCursor(base, count: content.count)
    while let tag = cursor.byte() {
      switch tag {
      case 0x0A:
        guard let value = cursor.content() else { return false }
        record.value = value
      case 0x20:
        guard let type = cursor.varint() else { return false }
        record.type = UInt32(truncatingIfNeeded: type)
      case 0x42:
        guard let key = cursor.content() else { return false }
        record.key = key
      case 0x49:
        guard let timestamp = cursor.fixed64() else { return false }
        record.timestamp = timestamp
      case 0x52:
        let field = cursor.position - 1
        guard let content = cursor.canonicalContent() else { return false }
        let whole = UnsafeRawBufferPointer(start: field, count: cursor.position - field)
        guard add(header: content, in: whole, trusted: trusted, to: &record) else { return false }
      case 0x5D:
        guard let crc32c = cursor.fixed32() else { return false }
        record.crc32c = crc32c
      default:
        guard cursor.skipField(tag) else { return false }
      }
    }
    return true
  }

  /// Adds a header: usual when it follows the one before at once and is written in the
  /// canonical form, so that the bytes can be stored as they are.
  ///
  /// - Parameter field: the header with its tag and length.
  private static func add(
    header content: UnsafeRawBufferPointer, in field: UnsafeRawBufferPointer, trusted: Bool,
    to record: inout RecordView
  ) -> Bool {
    guard let header = header(content), trusted || header.name.isASCII else { return false }
    if record.headerCount == 0 {
      record.headers = field
    } else {
      guard let first = record.headers.baseAddress, let start = field.baseAddress,
        first + record.headers.count == start
      else { return false }
      record.headers = UnsafeRawBufferPointer(
        start: first, count: record.headers.count + field.count)
    }
    record.headerCount += 1
    return true
  }

  /// The name and value of a header in canonical form: each field at most once, in order, not
  /// written when empty, and nothing else; nil otherwise.
  static func header(_ content: UnsafeRawBufferPointer) -> HeaderViews.Element? {
    let empty = UnsafeRawBufferPointer(start: nil, count: 0)
    var header = HeaderViews.Element(name: empty, value: empty)
    guard let base = content.baseAddress else { return header }
    var cursor = ByteCursor(base, count: content.count)
    var lastTag: UInt8 = 0
    while let tag = cursor.byte() {
      guard tag > lastTag, let part = cursor.canonicalContent(), !part.isEmpty else { return nil }
      switch tag {
      case 0x0A: header.name = part
      case 0x12: header.value = part
      default: return nil
      }
      lastTag = tag
    }
    return header
  }
}
