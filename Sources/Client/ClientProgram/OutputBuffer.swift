/// Bytes gathered for one write.
package struct OutputBuffer: ~Copyable {
  private var memory: UnsafeMutableRawBufferPointer
  package private(set) var count = 0

  package init(capacity: Int = 64 << 10) {
    memory = .allocate(byteCount: max(capacity, 64), alignment: 16)
  }

  deinit { memory.deallocate() }

  package var isEmpty: Bool { count == 0 }

  package mutating func removeAll() { count = 0 }

  package borrowing func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(rebasing: memory[..<count]))
  }

  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard !bytes.isEmpty else { return }
    reserve(bytes.count)
    UnsafeMutableRawBufferPointer(rebasing: memory[count..<count + bytes.count])
      .copyMemory(from: bytes)
    count += bytes.count
  }

  package mutating func append(_ byte: UInt8) {
    reserve(1)
    memory[count] = byte
    count += 1
  }

  package mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  package mutating func append(bigEndian value: UInt32) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append($0) }
  }

  package mutating func appendHex(_ bytes: UnsafeRawBufferPointer) {
    reserve(2 * bytes.count)
    for byte in bytes {
      memory[count] = Self.hexDigits[Int(byte >> 4)]
      memory[count + 1] = Self.hexDigits[Int(byte & 15)]
      count += 2
    }
  }

  /// RFC 4648 section 4, padded, as the protobuf JSON form has it.
  package mutating func appendBase64(_ bytes: UnsafeRawBufferPointer) {
    reserve((bytes.count + 2) / 3 * 4)
    var position = 0
    while position < bytes.count {
      let present = min(3, bytes.count - position)
      var group: UInt32 = 0
      for step in 0..<3 {
        group = group << 8 | (step < present ? UInt32(bytes[position + step]) : 0)
      }
      for step in 0..<4 {
        memory[count] =
          step <= present
          ? Self.base64Digits[Int(group >> UInt32(18 - 6 * step)) & 63] : UInt8(ascii: "=")
        count += 1
      }
      position += 3
    }
  }

  private mutating func reserve(_ extra: Int) {
    guard memory.count - count < extra else { return }
    let larger = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(2 * memory.count, count + extra), alignment: 16)
    larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
    memory.deallocate()
    memory = larger
  }

  private static let hexDigits = Array("0123456789abcdef".utf8)
  private static let base64Digits = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
}
