/// A `ProduceRequest` as it lies in a client's bytes: ranges instead of copies.
///
/// Valid only as long as those bytes, and until its reader reads another.
package struct ProduceRequestView {
  /// Whether there is a `record`; without one the view is empty.
  package var hasRecord = false
  package var record = RecordView()
  /// In UTF-8; empty for the default log.
  package var log = UnsafeRawBufferPointer(start: nil, count: 0)
  package var recordCount = 0
  package var inlineFailures = false
  package var producerID: UInt64 = 0
  package var producerEpoch: UInt32 = 0
  package var sequence: UInt64 = 0
  package var expectedOffset: UInt64?
  /// From the first `records` field to the end of the request.
  fileprivate var batch = UnsafeRawBufferPointer(start: nil, count: 0)
  fileprivate var isTrusted = false

  package init() {}

  /// The `records` one by one, `recordCount` of them.
  package var records: RecordViews { RecordViews(rest: batch, isTrusted: isTrusted) }
}

/// Walks the `records` of a `ProduceRequestView`.
package struct RecordViews: Sequence, IteratorProtocol {
  /// Invariant: whole fields of a request that was scanned already.
  fileprivate var rest: UnsafeRawBufferPointer
  fileprivate let isTrusted: Bool

  package mutating func next() -> RecordView? {
    var record = RecordView()
    return next(into: &record) ? record : nil
  }

  /// Like `next()`, into a view that is used again. False at the end.
  package mutating func next(into record: inout RecordView) -> Bool {
    record = RecordView()
    guard let base = rest.baseAddress else { return false }
    var cursor = ByteCursor(base, count: rest.count)
    while let tag = cursor.byte() {
      if tag == 0x4A {
        guard let content = cursor.content() else { return false }
        rest = cursor.rest
        return RecordScanner.scan(content, trusted: isTrusted, into: &record)
      }
      guard cursor.skipField(tag) else { return false }
    }
    return false
  }
}

extension ProduceRequestView {
  /// Fills a fresh view in one pass. False: the shape is not a usual one, ask the full decoder.
  mutating func scan(_ bytes: UnsafeRawBufferPointer, trusted: Bool) -> Bool {
    guard let base = bytes.baseAddress else { return true }
    isTrusted = trusted
    var cursor = ByteCursor(base, count: bytes.count)
    while let tag = cursor.byte() {
      switch tag {
      case 0x0A:
        // A second one would have to be merged into the first.
        guard !hasRecord, let content = cursor.content() else { return false }
        guard RecordScanner.scan(content, trusted: trusted, into: &record) else { return false }
        hasRecord = true
      case 0x42:
        guard let log = cursor.content(), trusted || log.isASCII else { return false }
        self.log = log
      case 0x4A:
        let start = cursor.position - 1
        guard let content = cursor.content() else { return false }
        var unused = RecordView()
        guard RecordScanner.scan(content, trusted: trusted, into: &unused) else { return false }
        if recordCount == 0 {
          batch = UnsafeRawBufferPointer(start: start, count: base + bytes.count - start)
        }
        recordCount += 1
      case 0x50:
        guard let id = cursor.varint() else { return false }
        producerID = id
      case 0x58:
        guard let epoch = cursor.varint() else { return false }
        producerEpoch = UInt32(truncatingIfNeeded: epoch)
      case 0x60:
        guard let number = cursor.varint() else { return false }
        sequence = number
      case 0x68:
        guard let offset = cursor.varint() else { return false }
        expectedOffset = offset
      case 0x78:
        guard let flag = cursor.varint() else { return false }
        inlineFailures = flag != 0
      default:
        guard cursor.skipField(tag) else { return false }
      }
    }
    return true
  }
}
