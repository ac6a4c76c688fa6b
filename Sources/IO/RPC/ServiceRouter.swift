import GRPCWire

/// Finds the method of a path without making a string of it.
final class ServiceRouter: Sendable {
  final class Route: Sendable {
    let method: RPCMethod
    let maxMessageBytes: Int
    private let path: [UInt8]

    init(_ method: RPCMethod, maxMessageBytes: Int) {
      self.method = method
      self.maxMessageBytes = method.maxMessageBytes ?? maxMessageBytes
      path = Array(method.path.utf8)
    }

    func matches(_ path: UnsafeRawBufferPointer) -> Bool {
      self.path.withUnsafeBytes { $0.count == path.count && $0.elementsEqual(path) }
    }
  }

  /// The largest message that some method takes.
  let largestMessageBytes: Int
  /// Buckets by hash; a power of two of them.
  private let buckets: [[Route]]

  init(_ methods: [RPCMethod], maxMessageBytes: Int) {
    var size = 16
    while size < 4 * methods.count { size *= 2 }
    var buckets = [[Route]](repeating: [], count: size)
    for method in methods {
      var path = method.path
      let bucket = path.withUTF8 { Self.hash(UnsafeRawBufferPointer($0)) } & (size - 1)
      let isKnown = buckets[bucket].contains { $0.method.path == method.path }
      precondition(!isKnown, "two methods at \(method.path)")
      buckets[bucket].append(Route(method, maxMessageBytes: maxMessageBytes))
    }
    self.buckets = buckets
    largestMessageBytes = buckets.joined().map(\.maxMessageBytes).max() ?? maxMessageBytes
  }

  func route(_ path: UnsafeRawBufferPointer) -> Route? {
    let bucket = Self.hash(path) & (buckets.count - 1)
    for route in buckets[bucket] where route.matches(path) { return route }
    return nil
  }

  /// The length and the last eight bytes tell methods apart well enough; collisions only cost a
  /// comparison, and the set of paths is the server's own.
  private static func hash(_ path: UnsafeRawBufferPointer) -> Int {
    guard path.count >= 8 else { return path.count }
    let tail = path.loadUnaligned(fromByteOffset: path.count - 8, as: UInt64.self)
    let mixed = (tail &+ UInt64(path.count)) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed >> 40)
  }
}
