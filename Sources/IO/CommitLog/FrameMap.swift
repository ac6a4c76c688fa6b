/// Where the records of a checked frame start, roughly, and a checksum of each stretch between: what lets one record of a
/// large batch be read and checked without the rest of it.
struct FrameMap {
  /// Some records that lie together; it ends where the next one starts.
  struct Stretch: Equatable {
    /// The first record, counted from the frame's first.
    var record: UInt32
    /// Where that starts in the body.
    var byte: UInt32
    /// CRC-32C over the stretch.
    var checksum: UInt32
  }

  /// A stretch ends with the first record that reaches this.
  static let stretchBytes = 4 << 10
  /// A frame whose body is shorter is read whole.
  static let smallestBody = 16 << 10

  let header: FrameHeader
  private(set) var stretches: [Stretch] = []

  /// Looks at each record of the frame, whose checksum was right; nil if its body is no list of records.
  init?(_ header: FrameHeader, _ body: UnsafeRawBufferPointer) {
    self.header = header
    stretches.reserveCapacity(body.count / FrameMap.stretchBytes + 1)
    var stretch = Stretch(record: 0, byte: 0, checksum: 0)
    var byte = 0
    for record in 1...max(1, header.recordCount) {
      guard let end = RecordFormat.end(ofRecordAt: byte, in: body) else { return nil }
      byte = end
      guard byte - Int(stretch.byte) >= FrameMap.stretchBytes || record == header.recordCount
      else { continue }
      let bytes = UnsafeRawBufferPointer(rebasing: body[Int(stretch.byte)..<byte])
      stretch.checksum = CRC32C.checksum(bytes)
      stretches.append(stretch)
      stretch = Stretch(record: record, byte: UInt32(byte), checksum: 0)
    }
    guard byte == body.count else { return nil }
  }

  /// The stretch that holds the record `record`.
  func stretch(ofRecord record: UInt32) -> Int {
    var low = 0
    var high = stretches.count
    while low < high {
      let middle = (low + high) / 2
      if stretches[middle].record <= record { low = middle + 1 } else { high = middle }
    }
    return max(0, low - 1)
  }

  /// The bytes of the body that `stretch` takes.
  func bytes(of stretch: Int) -> Range<Int> {
    let next = stretch + 1
    let end = next < stretches.count ? Int(stretches[next].byte) : Int(header.bodyLength)
    return Int(stretches[stretch].byte)..<end
  }

  /// The stretches that are needed for `records` records, or `maxBytes` bytes of them, from `record` on; nil where that is
  /// more than one stretch and over `limit` bytes.
  func stretches(
    from record: UInt32, records: Int, maxBytes: Int, limit: Int
  ) -> Range<Int>? {
    let first = stretch(ofRecord: record)
    let start = bytes(of: first)
    var end = first + 1
    while end < stretches.count, Int(stretches[end].record) - Int(record) < records,
      Int(stretches[end].byte) - start.upperBound < maxBytes
    {
      end += 1
      guard bytes(of: end - 1).upperBound - start.lowerBound <= limit else { return nil }
    }
    return first..<end
  }

  /// Whether `part`, the bytes of `stretches`, are the ones that were checked with the frame.
  func vouches(for part: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
    let start = Int(stretches[range.lowerBound].byte)
    return range.allSatisfy { number in
      let bytes = bytes(of: number)
      let own = part[bytes.lowerBound - start..<bytes.upperBound - start]
      return CRC32C.checksum(UnsafeRawBufferPointer(rebasing: own)) == stretches[number].checksum
    }
  }
}

/// The maps of the frames looked into last.
struct FrameMaps {
  struct Key: Hashable {
    /// The segment's first index.
    var segment: UInt64
    var position: UInt64
  }

  /// Of all maps together: 1.5 MiB, for 512 MiB of frames.
  static let maxStretches = 128 << 10

  private var maps: [Key: FrameMap] = [:]
  /// Oldest first.
  private var order: [Key] = []
  private(set) var stretchCount = 0

  var isEmpty: Bool { maps.isEmpty }
  var count: Int { maps.count }

  subscript(key: Key) -> FrameMap? { maps[key] }

  mutating func insert(_ map: FrameMap, _ key: Key) {
    // A frame never changes within an epoch.
    guard maps[key] == nil else { return }
    if stretchCount + map.stretches.count > FrameMaps.maxStretches {
      // Many at once, so that the list is not moved for each.
      let oldest = order.prefix(max(1, order.count / 4))
      for key in oldest { forget(key) }
      order.removeFirst(oldest.count)
    }
    maps[key] = map
    order.append(key)
    stretchCount += map.stretches.count
  }

  mutating func remove(_ key: Key) {
    guard maps[key] != nil else { return }
    forget(key)
    order.removeAll { $0 == key }
  }

  mutating func removeAll() {
    maps.removeAll()
    order.removeAll()
    stretchCount = 0
  }

  private mutating func forget(_ key: Key) {
    guard let old = maps.removeValue(forKey: key) else { return }
    stretchCount -= old.stretches.count
  }
}
