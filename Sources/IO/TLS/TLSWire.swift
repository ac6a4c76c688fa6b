internal import COpenSSL

/// What OpenSSL reads ciphertext from and writes ciphertext to: memory of the caller, during a call.
///
/// Input is consumed completely by each call. Output goes to `output` while it has room and then to `spill`.
/// Invariant: when `spill` is not empty, nothing is written to `output` before it.
struct TLSWire {
  var input: UnsafeRawPointer?
  var inputCount = 0
  var output: UnsafeMutableRawPointer?
  var outputCount = 0
  private(set) var spill = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private(set) var spillCount = 0

  mutating func read(into target: UnsafeMutableRawPointer, count: Int) -> Int {
    guard let source = input, inputCount > 0 else { return 0 }
    let taken = min(count, inputCount)
    target.copyMemory(from: source, byteCount: taken)
    input = source + taken
    inputCount -= taken
    return taken
  }

  mutating func write(_ bytes: UnsafeRawPointer, count: Int) {
    var written = 0
    if let target = output, spillCount == 0 {
      written = min(count, outputCount)
      target.copyMemory(from: bytes, byteCount: written)
      output = target + written
      outputCount -= written
    }
    if written < count { append(bytes + written, count: count - written) }
  }

  /// Moves what was spilled, oldest first; the memory is given back when it is all gone.
  mutating func drain(into target: UnsafeMutableRawBufferPointer) -> Int {
    let taken = min(target.count, spillCount)
    guard taken > 0, let to = target.baseAddress, let from = spill.baseAddress else { return 0 }
    to.copyMemory(from: from, byteCount: taken)
    spillCount -= taken
    if spillCount == 0 {
      releaseSpill()
    } else {
      from.copyMemory(from: from + taken, byteCount: spillCount)  // memmove: regions may overlap
    }
    return taken
  }

  mutating func releaseSpill() {
    spill.deallocate()
    spill = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    spillCount = 0
  }

  private mutating func append(_ bytes: UnsafeRawPointer, count: Int) {
    if spill.count - spillCount < count {
      let capacity = max(spill.count * 2, spillCount + count, 1024)
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
      larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: spill[..<spillCount]))
      spill.deallocate()
      spill = larger
    }
    if let start = spill.baseAddress {
      (start + spillCount).copyMemory(from: bytes, byteCount: count)
    }
    spillCount += count
  }
}

/// The BIO (OpenSSL's stream interface) over a `TLSWire`.
struct TLSWireMethod: @unchecked Sendable {  // written once, then only read by OpenSSL
  static let shared = TLSWireMethod()
  /// BIO_FLAGS_RWS and BIO_FLAGS_SHOULD_RETRY, the first of which is not imported.
  private static let retryFlags: Int32 = 0x0f
  private let pointer: OpaquePointer?

  private init() {
    let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "distlog wire")
    BIO_meth_set_create(method) { bio in
      BIO_set_init(bio, 1)
      return 1
    }
    BIO_meth_set_read(method) { bio, target, count in
      guard let target, count > 0 else { return 0 }
      let taken = TLSWireMethod.wire(bio).pointee.read(into: target, count: Int(count))
      BIO_clear_flags(bio, TLSWireMethod.retryFlags)
      if taken > 0 { return Int32(truncatingIfNeeded: taken) }
      BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
      return -1
    }
    BIO_meth_set_write(method) { bio, bytes, count in
      BIO_clear_flags(bio, TLSWireMethod.retryFlags)
      guard let bytes, count > 0 else { return 0 }
      TLSWireMethod.wire(bio).pointee.write(bytes, count: Int(count))
      return count
    }
    BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
    pointer = method
  }

  /// A BIO that the caller (or SSL_set_bio) owns; `wire` must outlive it.
  func makeBIO(_ wire: UnsafeMutablePointer<TLSWire>) -> OpaquePointer? {
    guard let pointer, let bio = BIO_new(pointer) else { return nil }
    BIO_set_data(bio, wire)
    return bio
  }

  @inline(__always)
  private static func wire(_ bio: OpaquePointer?) -> UnsafeMutablePointer<TLSWire> {
    BIO_get_data(bio).unsafelyUnwrapped.assumingMemoryBound(to: TLSWire.self)
  }
}
