/// Memory that the HTTP/2 sessions of one event loop share: stream states and large buffers.
///
/// Not Sendable: a pool and all sessions on it belong to one thread.
package final class HTTP2Pool {
  /// A queue keeps memory up to this many bytes when it runs empty.
  static let keptCapacity = 1 << 10
  /// The largest buffer kept for reuse, and how many of them.
  private static let largestSpare = 256 << 10
  private static let maxSpares = 8
  private static let maxFreeStreams = 1024
  private static let smallestBuffer = 256

  private var spares: [(base: UnsafeMutableRawPointer, capacity: Int)] = []
  private var freeStreams: UnsafeMutablePointer<StreamState>?
  private var freeStreamCount = 0

  /// Memory for a header block that no session is inside of.
  private var spareBlock: (memory: UnsafeMutableRawPointer, bytes: Int)?

  package init() {}

  deinit {
    while let stream = freeStreams {
      freeStreams = stream.pointee.next
      stream.pointee.output.release(into: self)
      stream.deinitialize(count: 1)
      stream.deallocate()
    }
    for spare in spares { spare.base.deallocate() }
    spareBlock?.memory.deallocate()
  }

  func takeBlock(_ bytes: Int) -> UnsafeMutableRawPointer {
    guard let spare = spareBlock, spare.bytes == bytes else {
      return .allocate(byteCount: bytes, alignment: 16)
    }
    spareBlock = nil
    return spare.memory
  }

  func giveBlock(_ memory: UnsafeMutableRawPointer, _ bytes: Int) {
    spareBlock?.memory.deallocate()
    spareBlock = (memory, bytes)
  }

  func take(atLeast length: Int) -> (base: UnsafeMutableRawPointer, capacity: Int) {
    if length > Self.keptCapacity, let found = spares.lastIndex(where: { $0.capacity >= length }) {
      return spares.remove(at: found)
    }
    let capacity = max(length, Self.smallestBuffer)
    return (.allocate(byteCount: capacity, alignment: 16), capacity)
  }

  func give(_ base: UnsafeMutableRawPointer, capacity: Int) {
    let isSpare = capacity > Self.keptCapacity && capacity <= Self.largestSpare
    if isSpare, spares.count < Self.maxSpares {
      spares.append((base, capacity))
    } else {
      base.deallocate()
    }
  }

  func takeStream(id: Int32) -> UnsafeMutablePointer<StreamState> {
    guard let stream = freeStreams else {
      let stream = UnsafeMutablePointer<StreamState>.allocate(capacity: 1)
      stream.initialize(to: StreamState(id: id))
      return stream
    }
    freeStreams = stream.pointee.next
    freeStreamCount -= 1
    let output = stream.pointee.output
    stream.pointee = StreamState(id: id)
    stream.pointee.output = output
    return stream
  }

  /// Takes back the state of a closed stream; its small output memory is kept with it.
  func giveStream(_ stream: UnsafeMutablePointer<StreamState>) {
    stream.pointee.output.drop(stream.pointee.output.count)
    stream.pointee.output.shrinkIfEmpty(into: self)
    guard freeStreamCount < Self.maxFreeStreams else {
      stream.pointee.output.release(into: self)
      stream.deinitialize(count: 1)
      stream.deallocate()
      return
    }
    stream.pointee.next = freeStreams
    freeStreams = stream
    freeStreamCount += 1
  }
}
