import Synchronization

/// One store and its index: the frames of consecutive entries.
///
/// Shared with readers by reference, so that it outlives its removal from the log.
final class Segment<File: DiskFile>: Sendable {
  let header: SegmentHeader
  let store: File
  /// File name without its extension.
  let name: String
  private let currentIndex: Mutex<SegmentIndex<File>>
  /// Bytes of the store that are durable and whole.
  private let durableEnd: Atomic<UInt64>
  /// Bytes of the store for which there is space on the disk.
  private let reservedEnd: Atomic<UInt64>

  init(
    header: SegmentHeader, store: File, index: SegmentIndex<File>, name: String, end: UInt64,
    reservedEnd: UInt64
  ) {
    self.header = header
    self.store = store
    self.name = name
    currentIndex = Mutex(index)
    durableEnd = Atomic(end)
    self.reservedEnd = Atomic(reservedEnd)
  }

  var baseOffset: UInt64 { header.baseOffset }
  var firstIndex: UInt64 { header.firstIndex }
  /// The index of the entry behind the last.
  var nextIndex: UInt64 { header.firstIndex + UInt64(index.count) }
  var index: SegmentIndex<File> { currentIndex.withLock { $0 } }
  var end: UInt64 { durableEnd.load(ordering: .acquiring) }
  var reserved: UInt64 { reservedEnd.load(ordering: .relaxed) }
  var isEmpty: Bool { index.count == 0 }

  static func storeName(_ name: String) -> String { name + ".store" }
  static func indexName(_ name: String) -> String { name + ".index" }

  /// The name of a segment; `sharesBase`: an earlier one with only control frames has the same base offset.
  static func name(baseOffset: UInt64, firstIndex: UInt64, sharesBase: Bool) -> String {
    sharesBase ? "\(padded(baseOffset)).\(padded(firstIndex))" : padded(baseOffset)
  }

  /// What `name` says, which may be any file's without its extension; nil where it is no segment's.
  static func numbers(of name: String) -> (baseOffset: UInt64, firstIndex: UInt64?)? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, let base = UInt64(parts[0]), base < CountLimit.end else { return nil }
    guard parts.count == 2 else { return (base, nil) }
    guard let index = UInt64(parts[1]), index < CountLimit.end else { return nil }
    return (base, index)
  }

  /// Whether the segment called `name` comes before the one called `other`.
  static func precedes(_ name: String, _ other: String) -> Bool {
    guard let numbers = numbers(of: name), let others = Self.numbers(of: other) else {
      return name < other
    }
    return (numbers.baseOffset, numbers.firstIndex ?? 0)
      < (others.baseOffset, others.firstIndex ?? 0)
  }

  private static func padded(_ number: UInt64) -> String {
    let digits = String(number)
    return String(repeating: "0", count: 20 - digits.count) + digits
  }

  func publish(end: UInt64) { durableEnd.store(end, ordering: .releasing) }
  func publish(reserved: UInt64) { reservedEnd.store(reserved, ordering: .relaxed) }
  func replaceIndex(_ index: SegmentIndex<File>) { currentIndex.withLock { $0 = index } }

  /// Cuts both files behind the last frame and makes them durable.
  func seal() throws(CommitLogError) {
    try index.seal()
    let end = end
    if try store.size() != end { try store.truncate(to: end) }
    publish(reserved: end)
    try store.sync()
  }

  /// The checked header of the frame at `position`; `offset` is the one that is in doubt when it is bad.
  func frameHeader(
    at position: UInt64, offset: UInt64? = nil
  ) throws(CommitLogError) -> FrameHeader {
    try withUnsafeTemporaryAllocation(byteCount: FrameHeader.size, alignment: 8) {
      (buffer) -> Result<FrameHeader, CommitLogError> in
      do throws(CommitLogError) {
        try store.readExactly(into: buffer, at: position)
        guard let base = buffer.baseAddress else { throw .closed }
        do throws(FrameHeader.Flaw) {
          return .success(try FrameHeader(checking: base))
        } catch {
          throw .corrupt(
            file: store.path, position: position, offset: offset ?? baseOffset, what: error.text)
        }
      } catch {
        return .failure(error)
      }
    }.get()
  }
}

/// A frame's place in a segment.
struct FramePlace: Sendable, Equatable {
  var position: UInt64
  var header: FrameHeader

  var end: UInt64 { position + UInt64(header.frameBytes) }
}

extension Segment {
  /// The frame of entry `firstIndex + ordinal`, found by the index or, where that is wrong, by walking the store.
  func frame(at ordinal: Int) throws(CommitLogError) -> FramePlace {
    let index = index
    if let entry = index[ordinal] {
      let place = try? place(at: entry.position)
      if let place, place.header.index == firstIndex + UInt64(ordinal) { return place }
    }
    return try walk { $0.index == self.firstIndex + UInt64(ordinal) }
  }

  /// The frame behind `place`, which is not the last one.
  func frame(behind place: FramePlace) throws(CommitLogError) -> FramePlace {
    let next = try? self.place(at: place.end)
    if let next, next.header.index == place.header.index + 1 { return next }
    return try frame(at: Int(place.header.index + 1 - firstIndex))
  }

  /// The data frame that holds `offset`.
  func frame(holding offset: UInt64) throws(CommitLogError) -> FramePlace {
    let index = index
    if let ordinal = index.ordinal(ofOffset: offset - baseOffset), let entry = index[ordinal] {
      let place = try? place(at: entry.position)
      if let place, place.header.offsets.contains(offset) { return place }
    }
    return try walk { $0.offsets.contains(offset) }
  }

  private func place(
    at position: UInt64, offset: UInt64? = nil
  ) throws(CommitLogError) -> FramePlace {
    guard position >= UInt64(SegmentHeader.size), position < end else {
      throw .corrupt(
        file: store.path, position: position, offset: offset ?? baseOffset,
        what: "no frame starts here")
    }
    let header = try frameHeader(at: position, offset: offset)
    let place = FramePlace(position: position, header: header)
    guard place.end <= end else {
      throw .corrupt(
        file: store.path, position: position, offset: offset ?? baseOffset,
        what: "the frame is cut off")
    }
    return place
  }

  /// The first frame that fits, header by header from the start: what is left when the index lies.
  private func walk(until fits: (FrameHeader) -> Bool) throws(CommitLogError) -> FramePlace {
    var position = UInt64(SegmentHeader.size)
    var offset = baseOffset
    let end = end
    while position < end {
      let place = try place(at: position, offset: offset)
      if fits(place.header) { return place }
      position = place.end
      offset = place.header.nextOffset
    }
    throw .corrupt(
      file: store.path, position: position, offset: offset, what: "an entry is missing")
  }
}
