/// The header fields of one received block, in order, in memory that sessions share: valid only
/// during the delegate call that hands it out.
///
/// All state is behind pointers, so that the session can hold it as a constant: a mutable property
/// of a class would be checked for exclusive access once a field.
package struct HTTP2HeaderBlock {
  private struct State {
    /// Room for `limit` bytes and the ends of as many fields; only between `begin` and `end`.
    var memory: UnsafeMutableRawPointer?
    var count = 0
    /// Bytes of names and values so far.
    var used = 0
    var listSize = 0
  }

  /// Where a field's name and its value end; each begins where the one before ends.
  private struct Ends {
    var name: Int
    var value: Int
  }

  private let limit: Int
  private let state: UnsafeMutablePointer<State>

  init(limit: Int) {
    // The ends of fields stand behind the bytes, aligned.
    self.limit = (limit + 15) & ~15
    state = .allocate(capacity: 1)
    state.initialize(to: State())
  }

  func deallocate(into pool: HTTP2Pool) {
    end(pool)
    state.deallocate()
  }

  /// Makes ready for a block; its memory comes from the pool, since few sessions are inside one.
  func begin(_ pool: HTTP2Pool) {
    state.pointee = State(memory: state.pointee.memory ?? pool.takeBlock(memoryBytes))
  }

  func end(_ pool: HTTP2Pool) {
    if let memory = state.pointee.memory { pool.giveBlock(memory, memoryBytes) }
    state.pointee = State()
  }

  /// Every field counts for 32 bytes at least, so there are no more than that many.
  private var memoryBytes: Int { limit + (limit / 32 + 1) * MemoryLayout<Ends>.stride }

  private func ends(_ memory: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Ends> {
    (memory + limit).assumingMemoryBound(to: Ends.self)
  }

  /// Name and value bytes plus 32 a field (RFC 9113 section 6.5.2), of fields kept or not.
  package var listSize: Int { state.pointee.listSize }

  /// Whether the block was larger than the advertised limit; then only its start is here.
  package var isTooLarge: Bool { listSize > limit }

  package var count: Int { state.pointee.count }

  package subscript(index: Int) -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    precondition(index >= 0)
    precondition(index < count)
    guard let bytes = state.pointee.memory else {
      return (UnsafeRawBufferPointer(start: nil, count: 0), .init(start: nil, count: 0))
    }
    let ends = ends(bytes)
    let start = index == 0 ? 0 : ends[index - 1].value
    let field = ends[index]
    return (
      UnsafeRawBufferPointer(start: bytes + start, count: field.name - start),
      UnsafeRawBufferPointer(start: bytes + field.name, count: field.value - field.name)
    )
  }

  /// The first value under `name`, as text; nil when there is none.
  package func value(of name: StaticString) -> String? {
    for index in 0..<count where self[index].name.equals(name) {
      return String(decoding: self[index].value, as: UTF8.self)
    }
    return nil
  }

  func append(
    name: UnsafePointer<UInt8>?, _ nameLength: Int, value: UnsafePointer<UInt8>?,
    _ valueLength: Int
  ) {
    state.pointee.listSize += nameLength + valueLength + 32
    guard state.pointee.listSize <= limit, let bytes = state.pointee.memory else { return }
    var used = state.pointee.used
    if let name { (bytes + used).copyMemory(from: name, byteCount: nameLength) }
    used += nameLength
    let middle = used
    if let value { (bytes + used).copyMemory(from: value, byteCount: valueLength) }
    used += valueLength
    ends(bytes)[state.pointee.count] = Ends(name: middle, value: used)
    state.pointee.used = used
    state.pointee.count += 1
  }
}

extension UnsafeRawBufferPointer {
  /// Whether these bytes are exactly those of `text`.
  @inlinable
  package func equals(_ text: StaticString) -> Bool {
    let other = UnsafeRawPointer(text.utf8Start)
    guard count == text.utf8CodeUnitCount else { return false }
    guard let base = baseAddress else { return true }
    var position = 0
    while position + 8 <= count {
      let ours = base.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      guard ours == other.loadUnaligned(fromByteOffset: position, as: UInt64.self) else {
        return false
      }
      position += 8
    }
    while position < count {
      guard
        base.load(fromByteOffset: position, as: UInt8.self)
          == other.load(fromByteOffset: position, as: UInt8.self)
      else { return false }
      position += 1
    }
    return true
  }
}
