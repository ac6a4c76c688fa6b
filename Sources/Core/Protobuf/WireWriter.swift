/// A growing run of bytes to which fields are appended, in the order of the calls.
///
/// The methods that take a field leave out a value that is zero or empty, as proto3 does for a
/// field without presence; `always` is for elements of a repeated field and members of a oneof.
///
/// Inlinable, as the reader is: messages live in other modules, and a call for each field costs more
/// than the field. A `package` type has to be `@usableFromInline` for that to happen.
@usableFromInline package struct WireWriter: ~Copyable {
  @usableFromInline var base: UnsafeMutableRawPointer
  @usableFromInline var capacity: Int
  @usableFromInline var used = 0

  /// The bytes written so far.
  @inlinable
  package var count: Int { used }

  @inlinable
  package init(capacity: Int = 64) {
    self.capacity = max(capacity, 16)
    base = .allocate(byteCount: self.capacity, alignment: 8)
  }

  @inlinable
  deinit { base.deallocate() }

  /// A copy of what was written.
  @inlinable
  package borrowing func bytes() -> [UInt8] {
    [UInt8](UnsafeRawBufferPointer(start: base, count: used))
  }

  /// Lends what was written.
  @inlinable
  package borrowing func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(start: base, count: used))
  }

  /// Forgets what was written and keeps the memory.
  @inlinable
  package mutating func removeAll() { used = 0 }

  // MARK: - Fields

  /// A `uint32` or `uint64`.
  @inlinable
  package mutating func varint(_ field: UInt32, _ value: UInt64, always: Bool = false) {
    guard always || value != 0 else { return }
    reserve(2 * Varint.maxSize)
    put(field << 3)
    used += Varint.write(value, to: base + used)
  }

  @inlinable
  package mutating func varint(_ field: UInt32, _ value: UInt32, always: Bool = false) {
    varint(field, UInt64(value), always: always)
  }

  /// An `int32`, an `int64` or an enum: a negative one takes ten bytes, as protobuf says.
  @inlinable
  package mutating func signed(_ field: UInt32, _ value: some BinaryInteger, always: Bool = false) {
    varint(field, UInt64(truncatingIfNeeded: value), always: always)
  }

  /// A `sint32` or `sint64`.
  @inlinable
  package mutating func zigZag(_ field: UInt32, _ value: Int64, always: Bool = false) {
    varint(field, Varint.zigZag(value), always: always)
  }

  @inlinable
  package mutating func bool(_ field: UInt32, _ value: Bool, always: Bool = false) {
    varint(field, value ? 1 as UInt64 : 0, always: always)
  }

  @inlinable
  package mutating func fixed32(_ field: UInt32, _ value: UInt32, always: Bool = false) {
    guard always || value != 0 else { return }
    reserve(Varint.maxSize + 4)
    put(field << 3 | 5)
    base.storeBytes(of: value.littleEndian, toByteOffset: used, as: UInt32.self)
    used += 4
  }

  @inlinable
  package mutating func fixed64(_ field: UInt32, _ value: UInt64, always: Bool = false) {
    guard always || value != 0 else { return }
    reserve(Varint.maxSize + 8)
    put(field << 3 | 1)
    base.storeBytes(of: value.littleEndian, toByteOffset: used, as: UInt64.self)
    used += 8
  }

  @inlinable
  package mutating func bytes(_ field: UInt32, _ value: [UInt8], always: Bool = false) {
    value.withUnsafeBytes { bytes(field, $0, always: always) }
  }

  @inlinable
  package mutating func bytes(
    _ field: UInt32, _ value: UnsafeRawBufferPointer, always: Bool = false
  ) {
    guard always || !value.isEmpty else { return }
    reserve(2 * Varint.maxSize + value.count)
    put(field << 3 | 2)
    used += Varint.write(UInt64(value.count), to: base + used)
    append(value)
  }

  @usableFromInline
  package mutating func string(_ field: UInt32, _ value: String, always: Bool = false) {
    guard always || !value.isEmpty else { return }
    var value = value
    value.withUTF8 { bytes(field, UnsafeRawBufferPointer($0), always: true) }
  }

  // MARK: - Nesting

  /// A singular message field: left out when nil, there (perhaps empty) otherwise.
  @inlinable
  package mutating func message(_ field: UInt32, _ message: (some ProtobufMessage)?) {
    guard let message else { return }
    let start = beginNested(field)
    message.write(to: &self)
    endNested(start)
  }

  /// Every element of a repeated message field.
  @inlinable
  package mutating func messages(_ field: UInt32, _ messages: [some ProtobufMessage]) {
    for message in messages { self.message(field, message) }
  }

  /// A length-delimited field of what `body` writes.
  @inlinable
  package mutating func nested(_ field: UInt32, _ body: (inout WireWriter) -> Void) {
    let start = beginNested(field)
    body(&self)
    endNested(start)
  }

  /// Numbers as one packed field; `body` appends each with `raw...`. Left out when there are none.
  @inlinable
  package mutating func packed<Value>(
    _ field: UInt32, _ values: [Value], _ body: (inout WireWriter, Value) -> Void
  ) {
    guard !values.isEmpty else { return }
    nested(field) { writer in
      for value in values { body(&writer, value) }
    }
  }

  /// Writes the tag and one byte for the length: the usual size of it.
  @inlinable
  mutating func beginNested(_ field: UInt32) -> Int {
    reserve(Varint.maxSize + 1)
    put(field << 3 | 2)
    used += 1
    return used
  }

  /// Writes the length, and makes room for it when it takes more than the byte kept.
  @inlinable
  mutating func endNested(_ start: Int) {
    let length = used - start
    let extra = Varint.size(UInt64(length)) - 1
    if extra > 0 {
      reserve(extra)
      (base + start + extra).copyMemory(from: base + start, byteCount: length)
      used += extra
    }
    _ = Varint.write(UInt64(length), to: base + start - 1)
  }

  // MARK: - Without a tag

  @inlinable
  package mutating func rawVarint(_ value: UInt64) {
    reserve(Varint.maxSize)
    used += Varint.write(value, to: base + used)
  }

  @inlinable
  package mutating func rawFixed32(_ value: UInt32) {
    reserve(4)
    base.storeBytes(of: value.littleEndian, toByteOffset: used, as: UInt32.self)
    used += 4
  }

  @inlinable
  package mutating func rawFixed64(_ value: UInt64) {
    reserve(8)
    base.storeBytes(of: value.littleEndian, toByteOffset: used, as: UInt64.self)
    used += 8
  }

  @inlinable
  package mutating func raw(_ value: UnsafeRawBufferPointer) {
    reserve(value.count)
    append(value)
  }

  // MARK: - Memory

  /// Room has been reserved.
  @inlinable
  mutating func append(_ value: UnsafeRawBufferPointer) {
    guard let source = value.baseAddress else { return }
    (base + used).copyMemory(from: source, byteCount: value.count)
    used += value.count
  }

  /// Room has been reserved.
  @inlinable
  mutating func put(_ tag: UInt32) {
    used += Varint.write(UInt64(tag), to: base + used)
  }

  @inlinable
  mutating func reserve(_ extra: Int) {
    if capacity - used < extra { grow(extra) }
  }

  @usableFromInline @inline(never)
  mutating func grow(_ extra: Int) {
    let larger = max(2 * capacity, used + extra)
    let next = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
    next.copyMemory(from: base, byteCount: used)
    base.deallocate()
    base = next
    capacity = larger
  }
}
