import Protobuf

/// Writes scalar protobuf fields straight into a call's output, for the answers of the hot paths.
///
/// The caller gives it room for all it writes: 11 bytes for each field.
struct AnswerWriter {
  private let base: UnsafeMutableRawPointer
  private let capacity: Int
  private(set) var count = 0

  init(_ buffer: UnsafeMutableRawBufferPointer) {
    guard let base = buffer.baseAddress else { preconditionFailure("no room for an answer") }
    self.base = base
    capacity = buffer.count
  }

  /// A field of value 0 is left out, as proto3 does.
  mutating func varint(field: UInt64, _ value: UInt64) {
    guard value != 0 else { return }
    precondition(capacity - count >= 12, "an answer outgrew its room of \(capacity) bytes")
    count += Varint.write(field << 3, to: base + count)
    count += Varint.write(value, to: base + count)
  }

  mutating func fixed64(field: UInt64, _ value: UInt64) {
    guard value != 0 else { return }
    precondition(capacity - count >= 10, "an answer outgrew its room of \(capacity) bytes")
    count += Varint.write(field << 3 | 1, to: base + count)
    (base + count).storeBytes(of: value.littleEndian, as: UInt64.self)
    count += 8
  }

  mutating func bytes(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    precondition(capacity - count >= bytes.count, "an answer outgrew its room")
    (base + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }
}
