/// A walk over the fields of one message's bytes.
///
/// Call `next()` for a tag, then the one method that fits it, or `skip`. Every length is checked
/// against the bytes at hand before anything is allocated.
///
/// It holds a raw pointer: a struct that stores a `RawSpan` needs the experimental feature
/// `Lifetimes` in Swift 6.3. So one is made only inside a `withUnsafeBytes`, and never kept.
@usableFromInline package struct WireReader {
  /// How many messages and groups may lie inside one another, the outermost not counted.
  @usableFromInline package static let maxDepth = 100

  @usableFromInline let bytes: UnsafeRawBufferPointer
  @usableFromInline var position = 0
  @usableFromInline let depth: Int

  /// Reads a whole message's bytes, which must outlive the reader.
  @inlinable
  package init(_ bytes: UnsafeRawBufferPointer) {
    self.init(bytes, depth: Self.maxDepth)
  }

  @inlinable
  init(_ bytes: UnsafeRawBufferPointer, depth: Int) {
    self.bytes = bytes
    self.depth = depth
  }

  /// Whether every byte was read.
  @inlinable
  package var isAtEnd: Bool { position == bytes.count }

  /// The bytes not read yet.
  @inlinable
  var remaining: Int { bytes.count - position }

  /// The next field's tag, nil at the end.
  @inlinable
  package mutating func next() throws(ProtobufError) -> WireTag? {
    guard !isAtEnd else { return nil }
    let tag = try tag()
    if case .endGroup = tag { throw .unmatchedGroup }
    return tag
  }

  @inlinable
  mutating func tag() throws(ProtobufError) -> WireTag {
    let start = position
    let encoded = try varint()
    // A tag is a 32-bit varint: five bytes at most, however it is padded.
    guard position - start <= 5 else { throw .invalidTag }
    guard let tag = WireTag(encoded: encoded) else { throw .invalidTag }
    return tag
  }

  // MARK: - Values

  @inlinable
  package mutating func varint() throws(ProtobufError) -> UInt64 {
    guard let base = bytes.baseAddress else { throw .truncated }
    var value: UInt64 = 0
    let used = Varint.read(base + position, limit: remaining, value: &value)
    guard used > 0 else { throw remaining < Varint.maxSize ? .truncated : .malformedVarint }
    position += used
    return value
  }

  /// A `uint32`: the low 32 bits of what is there.
  @inlinable
  package mutating func uint32() throws(ProtobufError) -> UInt32 {
    UInt32(truncatingIfNeeded: try varint())
  }

  /// An `int32` or an enum: the low 32 bits of what is there.
  @inlinable
  package mutating func int32() throws(ProtobufError) -> Int32 {
    Int32(truncatingIfNeeded: try varint())
  }

  @inlinable
  package mutating func int64() throws(ProtobufError) -> Int64 {
    Int64(bitPattern: try varint())
  }

  @inlinable
  package mutating func sint32() throws(ProtobufError) -> Int32 {
    Int32(truncatingIfNeeded: Varint.unZigZag(UInt64(try uint32())))
  }

  @inlinable
  package mutating func sint64() throws(ProtobufError) -> Int64 {
    Varint.unZigZag(try varint())
  }

  @inlinable
  package mutating func bool() throws(ProtobufError) -> Bool {
    try varint() != 0
  }

  @inlinable
  package mutating func fixed32() throws(ProtobufError) -> UInt32 {
    let part = try take(4)
    return UInt32(littleEndian: part.loadUnaligned(as: UInt32.self))
  }

  @inlinable
  package mutating func fixed64() throws(ProtobufError) -> UInt64 {
    let part = try take(8)
    return UInt64(littleEndian: part.loadUnaligned(as: UInt64.self))
  }

  @inlinable
  package mutating func byteArray() throws(ProtobufError) -> [UInt8] {
    [UInt8](try content())
  }

  /// A `string`; `field` names it in the error.
  @usableFromInline
  package mutating func string(field: UInt32) throws(ProtobufError) -> String {
    let content = try content()
    guard !content.isEmpty else { return "" }
    guard let text = String(validating: content, as: UTF8.self) else {
      throw .invalidUTF8(field: field)
    }
    return text
  }

  /// What a length-delimited field holds, without a copy.
  @inlinable
  package mutating func content() throws(ProtobufError) -> UnsafeRawBufferPointer {
    let start = position
    let length = try varint()
    // Like a tag a length is a 32-bit varint: five bytes at most, however it is padded.
    guard position - start <= 5 else { throw .malformedVarint }
    guard length <= UInt64(remaining) else { throw .truncated }
    return try take(Int(length))
  }

  // MARK: - Nesting

  /// A singular message field: what is there is merged into what was read before.
  @inlinable
  package mutating func message<Message: ProtobufMessage>(
    into message: inout Message?
  ) throws(ProtobufError) {
    var merged = message ?? Message()
    try read(&merged)
    message = merged
  }

  /// An element of a repeated message field.
  @inlinable
  package mutating func message<Message: ProtobufMessage>(
    appendingTo messages: inout [Message]
  ) throws(ProtobufError) {
    var message = Message()
    try read(&message)
    messages.append(message)
  }

  @inlinable
  mutating func read<Message: ProtobufMessage>(
    _ message: inout Message
  ) throws(ProtobufError) {
    var inner = try nested()
    try message.merge(from: &inner)
  }

  /// A reader of the message that lies here.
  @inlinable
  package mutating func nested() throws(ProtobufError) -> WireReader {
    let content = try content()
    guard depth > 0 else { throw .tooDeep }
    return WireReader(content, depth: depth - 1)
  }

  /// Every value of a packed field, each read by `body`.
  @inlinable
  package mutating func packed(
    _ body: (inout WireReader) throws(ProtobufError) -> Void
  ) throws(ProtobufError) {
    var inner = WireReader(try content(), depth: depth)
    while !inner.isAtEnd { try body(&inner) }
  }

  // MARK: - Skipping

  /// Passes over an unknown field.
  @usableFromInline
  package mutating func skip(_ tag: WireTag) throws(ProtobufError) {
    switch tag {
    case .varint: _ = try varint()
    case .fixed64: _ = try take(8)
    case .length: _ = try content()
    case .fixed32: _ = try take(4)
    case .endGroup: throw .unmatchedGroup
    case .startGroup(let number): try skipGroup(number)
    }
  }

  /// Passes over a group by counting, not by calling itself: its depth comes from outside.
  private mutating func skipGroup(_ number: UInt32) throws(ProtobufError) {
    var open = [number]
    guard depth > 0 else { throw .tooDeep }
    while let innermost = open.last {
      switch try tag() {
      case .startGroup(let number):
        guard open.count < depth else { throw .tooDeep }
        open.append(number)
      case .endGroup(let number):
        guard number == innermost else { throw .unmatchedGroup }
        open.removeLast()
      case let other:
        try skip(other)
      }
    }
  }

  @inlinable
  mutating func take(_ count: Int) throws(ProtobufError) -> UnsafeRawBufferPointer {
    guard count <= remaining else { throw .truncated }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }
}
