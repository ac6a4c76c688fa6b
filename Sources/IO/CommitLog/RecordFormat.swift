/// A record as bytes that lie elsewhere; valid as long as those do.
package struct RecordFields {
  package var value: UnsafeRawBufferPointer
  package var key: UnsafeRawBufferPointer
  /// Field 10 of Record, already encoded, in order, with tags and lengths.
  package var headers: UnsafeRawBufferPointer
  /// Nanoseconds since 1970; 0 = the log time of the frame.
  package var timestamp: UInt64
  /// 0 = none.
  package var crc32c: UInt32

  package init(
    value: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer, headers: UnsafeRawBufferPointer,
    timestamp: UInt64, crc32c: UInt32
  ) {
    self.value = value
    self.key = key
    self.headers = headers
    self.timestamp = timestamp
    self.crc32c = crc32c
  }
}

/// The bytes of a body: field 8 of log.v1.ConsumeResponse again and again, each a log.v1.Record as proto3 writes it
/// (Protos/log.proto), so that what is stored is what is sent.
enum RecordFormat {
  static let tag: UInt8 = 0x42
  private static let valueTag: UInt8 = 0x0A
  private static let offsetTag: UInt8 = 0x10
  private static let termTag: UInt8 = 0x18
  private static let keyTag: UInt8 = 0x42
  private static let timestampTag: UInt8 = 0x49
  private static let headersTag: UInt8 = 0x52
  private static let checksumTag: UInt8 = 0x5D

  /// Room that tags, lengths and numbers of one record need at most.
  static let maxOverhead = 1 + 10 + (1 + 10) + (1 + 10) + (1 + 10) + (1 + 10) + 9 + 5

  @inline(__always)
  static func varintSize(_ value: UInt64) -> Int {
    (70 - (value | 1).leadingZeroBitCount) / 7
  }

  @inline(__always)
  static func writeVarint(
    _ value: UInt64, _ place: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer {
    var value = value
    var place = place
    while value >= 0x80 {
      place.storeBytes(of: UInt8(truncatingIfNeeded: value) | 0x80, as: UInt8.self)
      place += 1
      value >>= 7
    }
    place.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
    return place + 1
  }

  /// The varint at `position`, which moves behind it; nil where it is cut off or too long.
  @inline(__always)
  static func readVarint(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) -> UInt64? {
    guard position < bytes.count else { return nil }
    let first = bytes[position]
    if first < 0x80 {
      position += 1
      return UInt64(first)
    }
    return readLongVarint(bytes, &position)
  }

  private static func readLongVarint(
    _ bytes: UnsafeRawBufferPointer, _ position: inout Int
  ) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < bytes.count, shift < 70 {
      let byte = bytes[position]
      position += 1
      if shift == 63, byte > 1 { return nil }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  @inline(__always)
  private static func writeBytes(
    _ tag: UInt8, _ bytes: UnsafeRawBufferPointer, _ place: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer {
    guard let base = bytes.baseAddress, bytes.count > 0 else { return place }
    place.storeBytes(of: tag, as: UInt8.self)
    let content = writeVarint(UInt64(bytes.count), place + 1)
    content.copyMemory(from: base, byteCount: bytes.count)
    return content + bytes.count
  }

  @inline(__always)
  private static func bytesSize(_ count: Int) -> Int {
    count == 0 ? 0 : 1 + varintSize(UInt64(count)) + count
  }

  /// Writes one `records` field; there is room for its bytes and `maxOverhead`. Returns the place behind it.
  @inline(__always)
  static func write(
    _ fields: RecordFields, offset: UInt64, term: UInt64, timestamp: UInt64,
    to start: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer {
    var size = bytesSize(fields.value.count) + bytesSize(fields.key.count) + fields.headers.count
    if offset != 0 { size += 1 + varintSize(offset) }
    if term != 0 { size += 1 + varintSize(term) }
    if timestamp != 0 { size += 9 }
    if fields.crc32c != 0 { size += 5 }
    start.storeBytes(of: tag, as: UInt8.self)
    var place = writeVarint(UInt64(size), start + 1)
    place = writeBytes(valueTag, fields.value, place)
    if offset != 0 {
      place.storeBytes(of: offsetTag, as: UInt8.self)
      place = writeVarint(offset, place + 1)
    }
    if term != 0 {
      place.storeBytes(of: termTag, as: UInt8.self)
      place = writeVarint(term, place + 1)
    }
    place = writeBytes(keyTag, fields.key, place)
    if timestamp != 0 {
      place.storeBytes(of: timestampTag, as: UInt8.self)
      place.store64(timestamp, 1)
      place += 9
    }
    if let headers = fields.headers.baseAddress, fields.headers.count > 0 {
      place.copyMemory(from: headers, byteCount: fields.headers.count)
      place += fields.headers.count
    }
    if fields.crc32c != 0 {
      place.storeBytes(of: checksumTag, as: UInt8.self)
      place.store32(fields.crc32c, 1)
      place += 5
    }
    return place
  }

  /// The byte behind the `records` field that starts at `position`; nil where there is none.
  @inline(__always)
  static func end(ofRecordAt position: Int, in body: UnsafeRawBufferPointer) -> Int? {
    guard position < body.count, body[position] == tag else { return nil }
    var next = position + 1
    guard let length = readVarint(body, &next), length <= UInt64(body.count - next) else {
      return nil
    }
    return next + Int(length)
  }

  /// The byte at which the record `number` of `body` starts; nil where there is none.
  static func start(ofRecord number: Int, in body: UnsafeRawBufferPointer) -> Int? {
    var byte = 0
    for _ in 0..<number {
      guard let next = end(ofRecordAt: byte, in: body) else { return nil }
      byte = next
    }
    return byte
  }

  /// How many whole records from the byte `start` on fit, the first one always, and where they end.
  static func prefix(
    _ body: UnsafeRawBufferPointer, from start: Int, maxRecords: Int, maxBytes: Int
  ) -> (end: Int, count: Int) {
    var byte = start
    var count = 0
    while count < maxRecords, let next = end(ofRecordAt: byte, in: body),
      count == 0 || next - start <= maxBytes
    {
      byte = next
      count += 1
    }
    return (byte, count)
  }

  /// The record in the field that starts at `position`, which moves behind it.
  static func read(_ body: UnsafeRawBufferPointer, _ position: inout Int) -> Record? {
    guard let end = end(ofRecordAt: position, in: body) else { return nil }
    var place = position + 1
    guard readVarint(body, &place) != nil else { return nil }
    position = end
    return record(UnsafeRawBufferPointer(rebasing: body[place..<end]))
  }

  private static func record(_ bytes: UnsafeRawBufferPointer) -> Record? {
    var record = Record(value: [])
    var place = 0
    while place < bytes.count {
      guard let tag = readVarint(bytes, &place) else { return nil }
      switch UInt8(truncatingIfNeeded: tag) {
      case offsetTag, termTag:
        guard let number = readVarint(bytes, &place) else { return nil }
        if tag == offsetTag { record.offset = number } else { record.term = number }
      case valueTag, keyTag, headersTag:
        guard let content = readBytes(bytes, &place) else { return nil }
        if tag == valueTag {
          record.value = [UInt8](content)
        } else if tag == keyTag {
          record.key = [UInt8](content)
        } else {
          guard let header = header(content) else { return nil }
          record.headers.append(header)
        }
      case timestampTag:
        guard let number = readFixed(bytes, &place, 8) else { return nil }
        record.timestamp = number
      case checksumTag:
        guard let number = readFixed(bytes, &place, 4) else { return nil }
        record.crc32c = UInt32(truncatingIfNeeded: number)
      default: return nil
      }
    }
    return record
  }

  private static func header(_ bytes: UnsafeRawBufferPointer) -> Record.Header? {
    var header = Record.Header(name: "", value: [])
    var place = 0
    while place < bytes.count {
      guard let tag = readVarint(bytes, &place), let content = readBytes(bytes, &place) else {
        return nil
      }
      switch tag {
      case 0x0A: header.name = String(decoding: content, as: UTF8.self)
      case 0x12: header.value = [UInt8](content)
      default: return nil
      }
    }
    return header
  }

  private static func readBytes(
    _ bytes: UnsafeRawBufferPointer, _ place: inout Int
  ) -> UnsafeRawBufferPointer? {
    guard let count = readVarint(bytes, &place), count <= UInt64(bytes.count - place) else {
      return nil
    }
    defer { place += Int(count) }
    return UnsafeRawBufferPointer(rebasing: bytes[place..<place + Int(count)])
  }

  private static func readFixed(
    _ bytes: UnsafeRawBufferPointer, _ place: inout Int, _ size: Int
  ) -> UInt64? {
    guard size <= bytes.count - place else { return nil }
    var value: UInt64 = 0
    for byte in 0..<size { value |= UInt64(bytes[place + byte]) << UInt64(8 * byte) }
    place += size
    return value
  }

  /// `headers` as field 10 of Record.
  static func encode(_ headers: [Record.Header]) -> [UInt8] {
    var bytes: [UInt8] = []
    for header in headers {
      var content: [UInt8] = []
      append(0x0A, Array(header.name.utf8), to: &content)
      append(0x12, header.value, to: &content)
      bytes.append(headersTag)
      appendVarint(UInt64(content.count), to: &bytes)
      bytes += content
    }
    return bytes
  }

  private static func append(_ tag: UInt8, _ content: [UInt8], to bytes: inout [UInt8]) {
    guard !content.isEmpty else { return }
    bytes.append(tag)
    appendVarint(UInt64(content.count), to: &bytes)
    bytes += content
  }

  private static func appendVarint(_ value: UInt64, to bytes: inout [UInt8]) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: value))
  }
}

extension RecordFormat {
  /// What is wrong with the records of a frame whose checksums are right; nil where nothing is.
  static func flaw(of header: FrameHeader, _ body: UnsafeRawBufferPointer) -> String? {
    guard header.kind == .data else { return nil }
    var place = 0
    for offset in header.offsets {
      guard let record = read(body, &place) else {
        return "the record at offset \(offset) cannot be read"
      }
      guard record.offset == offset else {
        return "the record at offset \(offset) says that it is at \(record.offset)"
      }
    }
    return place == body.count
      ? nil : "\(body.count - place) bytes follow the last record of a frame"
  }
}
