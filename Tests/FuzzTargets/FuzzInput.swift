/// The fuzzer's bytes, taken from the front; zeros when there are no more.
struct FuzzInput {
  private(set) var rest: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

  var isEmpty: Bool { rest.isEmpty }

  mutating func byte() -> UInt8 {
    guard let first = rest.first else { return 0 }
    rest = UnsafeRawBufferPointer(rebasing: rest[1...])
    return first
  }

  mutating func number16() -> Int { Int(byte()) | Int(byte()) << 8 }

  /// The next `count` bytes, or as many as there are.
  mutating func take(_ count: Int) -> UnsafeRawBufferPointer {
    let count = min(count, rest.count)
    defer { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
    return UnsafeRawBufferPointer(rebasing: rest[..<count])
  }

  /// Everything that is left, as text.
  func text() -> String { String(decoding: rest, as: UTF8.self) }
}
