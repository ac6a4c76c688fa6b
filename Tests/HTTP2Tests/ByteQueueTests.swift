@testable import HTTP2
import Testing

@Suite struct ByteQueueTests {
  /// Each move copies all that is there: a queue of 32 MiB that grew by 1 MiB at a time would copy 500 MiB.
  @Test func `a long queue is moved few times`() {
    let pool = HTTP2Pool()
    var queue = ByteQueue()
    defer { queue.release(into: pool) }
    let piece = 16 << 10
    var (copied, capacity) = (0, 0)
    for _ in 0..<(32 << 20) / piece {
      let used = queue.count
      _ = queue.reserve(piece, from: pool)
      queue.commit(piece)
      if queue.capacity != capacity { copied += used }
      capacity = queue.capacity
    }
    #expect(queue.count == 32 << 20)
    #expect(copied < 4 * queue.count, "copied \(copied)")
    #expect(queue.capacity <= 2 * queue.count)
  }

  @Test func `bytes come out as they went in, whatever is dropped between`() {
    let pool = HTTP2Pool()
    var queue = ByteQueue()
    defer { queue.release(into: pool) }
    var (written, read) = (0, 0)
    for round in 1...2000 {
      let length = round * 37 % 4099
      let room = queue.reserve(length, from: pool)
      for place in 0..<length { room[place] = UInt8(truncatingIfNeeded: written + place) }
      queue.commit(length)
      written += length
      let taken = min(queue.count, round * 53 % 4093)
      let found = queue.prefix(taken)
      #expect((0..<taken).allSatisfy { found[$0] == UInt8(truncatingIfNeeded: read + $0) })
      queue.drop(taken)
      read += taken
    }
    #expect(queue.count == written - read)
  }
}
