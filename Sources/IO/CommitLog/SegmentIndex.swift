import Synchronization

/// Where a frame starts. Not nested: what is nested in a generic type has to be made anew at run time by each user.
struct IndexEntry: Equatable {
  var relativeOffset: UInt32
  var position: UInt64
}

/// Where each frame of a segment starts: a mapped file of 12-byte entries (offset less the segment's base, u32; byte
/// position in the store, u64; little-endian), one per frame, in order.
///
/// Only a cache of the store: whoever uses an entry checks the frame it leads to. One writer; readers on any thread see
/// `count` entries. Memory behind the end of a mapped file kills the process that touches it, so the file is cut only
/// under the lock under which readers look.
final class SegmentIndex<File: DiskFile>: Sendable {
  static var entryBytes: Int { 12 }

  /// Open while the segment takes writes: the mapping itself needs no descriptor, and a log may have many segments.
  private let file: Mutex<File?>
  private let reopen: @Sendable () throws(CommitLogError) -> File
  private let mapping: FileMapping
  /// Entries that fit.
  let capacity: Int
  private let published: Atomic<Int>
  /// Held while the file is cut and while a reader looks.
  private let cutting = Mutex(())
  /// Bytes of the file that are there for the writer.
  private let reservedBytes: Atomic<Int>

  /// `count` entries of the file are taken as they are; `disk` opens it again after `release`.
  init<D: Disk>(
    _ file: File, count: Int, maxBytes: Int, disk: D
  ) throws(CommitLogError) where D.File == File {
    self.file = Mutex(file)
    let path = file.path
    reopen = { () throws(CommitLogError) in try disk.open(path) }
    let size = Int(try file.size())
    let length = max(size, maxBytes, SegmentIndex.entryBytes)
    mapping = try file.map(length)
    capacity = length / SegmentIndex.entryBytes
    published = Atomic(min(count, size / SegmentIndex.entryBytes))
    reservedBytes = Atomic(size)
  }

  var count: Int { published.load(ordering: .acquiring) }
  var isFull: Bool { count == capacity }

  private func openFile() throws(CommitLogError) -> File {
    try file.withLock { (file) throws(CommitLogError) in
      if let file { return file }
      let opened = try reopen()
      file = opened
      return opened
    }
  }

  /// Closes the file, to be called when the segment takes no more writes; it is opened again should they resume.
  func release() { file.withLock { $0 = nil } }

  /// Takes the space of all entries that may come, or of the first `entries` only; throws `diskFull` or `outOfFiles` with
  /// nothing changed.
  func reserve(entries: Int? = nil) throws(CommitLogError) {
    let reserved = reservedBytes.load(ordering: .relaxed)
    let whole = (entries ?? capacity) * SegmentIndex.entryBytes
    guard reserved < whole else { return }
    try openFile().reserve(from: UInt64(reserved), to: UInt64(whole))
    reservedBytes.store(whole, ordering: .relaxed)
  }

  /// Entry `ordinal`; nil where there is none.
  subscript(ordinal: Int) -> IndexEntry? {
    cutting.withLock { _ in ordinal < count ? load(ordinal) : nil }
  }

  private func load(_ ordinal: Int) -> IndexEntry {
    let place = UnsafeRawPointer(mapping.base) + ordinal * SegmentIndex.entryBytes
    return IndexEntry(relativeOffset: place.little32(0), position: place.little64(4))
  }

  func append(_ entry: IndexEntry) {
    let count = published.load(ordering: .relaxed)
    precondition(count < capacity, "an index of \(capacity) entries is full")
    precondition(
      (count + 1) * SegmentIndex.entryBytes <= reservedBytes.load(ordering: .relaxed),
      "the index has no space reserved for entry \(count)")
    let place = mapping.base + count * SegmentIndex.entryBytes
    place.store32(entry.relativeOffset, 0)
    place.store64(entry.position, 4)
    published.store(count + 1, ordering: .releasing)
  }

  /// Puts right an entry that was damaged. Readers check where an entry leads to, whatever it says.
  func correct(_ ordinal: Int, _ entry: IndexEntry) {
    cutting.withLock { _ in
      guard ordinal < count else { return }
      let place = mapping.base + ordinal * SegmentIndex.entryBytes
      place.store32(entry.relativeOffset, 0)
      place.store64(entry.position, 4)
    }
  }

  /// Forgets the entries from `count` on.
  func removeEntries(from count: Int) {
    published.store(min(count, self.count), ordering: .releasing)
  }

  /// The last entry whose offset is not above `relativeOffset`.
  func ordinal(ofOffset relativeOffset: UInt64) -> Int? {
    cutting.withLock { _ in
      var low = 0
      var high = count
      while low < high {
        let middle = (low + high) / 2
        if UInt64(load(middle).relativeOffset) <= relativeOffset {
          low = middle + 1
        } else {
          high = middle
        }
      }
      return low == 0 ? nil : low - 1
    }
  }

  /// Cuts the file behind its last entry and makes it durable.
  func seal() throws(CommitLogError) {
    let file = try openFile()
    let bytes = count * SegmentIndex.entryBytes
    try cutting.withLock { (_) throws(CommitLogError) in try file.truncate(to: UInt64(bytes)) }
    reservedBytes.store(bytes, ordering: .relaxed)
    try file.sync()
  }
}
