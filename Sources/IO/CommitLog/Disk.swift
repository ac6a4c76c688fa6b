import Synchronization

/// The few file operations a log needs; generic, so that release code calls the system directly
/// and tests put a disk that forgets and fails beneath the same code.
package protocol Disk: Sendable {
  associatedtype File: DiskFile
  /// Holds a lock as long as it lives.
  associatedtype Lock: AnyObject & Sendable

  /// Counts what is read from files, not through mappings.
  var readCounter: ReadCounter { get }

  /// Makes the folder and its missing parents, for the owner only.
  func makeFolder(_ path: String) throws(CommitLogError)
  func exists(_ path: String) -> Bool
  /// Why another folder cannot take this one's place in one step; nil where it can.
  func reasonNotToReplace(_ folder: String) -> String?
  /// The names of what lies in `folder`, sorted.
  func names(in folder: String) throws(CommitLogError) -> [String]
  /// A new empty file in place of any old one, for the owner only.
  /// The file calls itself `name`, which is the path it is going to have.
  func create(_ path: String, named name: String) throws(CommitLogError) -> File
  func open(_ path: String) throws(CommitLogError) -> File
  /// Gives a file or folder a new name, in place of any file or empty folder of that name.
  func rename(_ path: String, to newPath: String) throws(CommitLogError)
  func remove(_ path: String) throws(CommitLogError)
  /// Removes a folder that is empty.
  func removeFolder(_ path: String) throws(CommitLogError)
  /// Opens `folder` for good, so that syncing it later needs no descriptor that may not be there.
  func keepFolder(_ folder: String) throws(CommitLogError)
  /// Makes the names in `folder` durable.
  func syncFolder(_ folder: String) throws(CommitLogError)
  /// Takes the lock file at `path` for `folder`, or throws `locked`.
  func lock(_ path: String, folder: String) throws(CommitLogError) -> Lock
}

extension Disk {
  package func reasonNotToReplace(_ folder: String) -> String? { nil }

  package func create(_ path: String) throws(CommitLogError) -> File {
    try create(path, named: path)
  }
}

/// How much was read from a disk's files.
package final class ReadCounter: Sendable {
  private let readCount = Atomic<Int>(0)
  private let byteCount = Atomic<Int>(0)

  package init() {}

  package func add(bytes: Int) {
    readCount.add(1, ordering: .relaxed)
    byteCount.add(bytes, ordering: .relaxed)
  }

  package var statistics: ReadStatistics {
    ReadStatistics(
      reads: readCount.load(ordering: .relaxed), bytes: byteCount.load(ordering: .relaxed))
  }
}

/// Calls and bytes.
package struct ReadStatistics: Sendable, Equatable {
  package var reads: Int
  package var bytes: Int
}

/// An open file.
package protocol DiskFile: AnyObject, Sendable {
  var path: String { get }
  func size() throws(CommitLogError) -> UInt64
  /// Writes all pieces one behind the other at the byte `position`.
  func write(_ pieces: [UnsafeRawBufferPointer], at position: UInt64) throws(CommitLogError)
  /// Fills `buffer` as far as the file reaches: the bytes read, or nil if that would wait for the disk and must not.
  func read(
    into buffer: UnsafeMutableRawBufferPointer, at position: UInt64, mayBlock: Bool
  ) throws(CommitLogError) -> Int?
  /// Makes the bytes and the size durable (fdatasync). Never throws `diskFull`.
  func sync() throws(CommitLogError)
  func truncate(to size: UInt64) throws(CommitLogError)
  /// Takes space on the disk up to `end`, extending the file with zeros.
  func reserve(from position: UInt64, to end: UInt64) throws(CommitLogError)
  /// Drops clean pages, so that the next read comes from the disk.
  func forgetCache()
  /// Maps `length` bytes, which may reach past the end; only what lies before the end may be touched.
  func map(_ length: Int) throws(CommitLogError) -> FileMapping
}

extension DiskFile {
  /// Fills the whole buffer or throws `corrupt`: the file is shorter than it must be.
  package func readExactly(
    into buffer: UnsafeMutableRawBufferPointer, at position: UInt64
  ) throws(CommitLogError) {
    let count = try read(into: buffer, at: position, mayBlock: true) ?? 0
    guard count == buffer.count else {
      throw .corrupt(
        file: path, position: position + UInt64(count), offset: 0, what: "the file ends too early")
    }
  }

  package func readBytes(_ count: Int, at position: UInt64) throws(CommitLogError) -> [UInt8] {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
    defer { buffer.deallocate() }
    try readExactly(into: buffer, at: position)
    return [UInt8](UnsafeRawBufferPointer(buffer))
  }

  package func write(_ bytes: [UInt8], at position: UInt64) throws(CommitLogError) {
    // A closure of a rethrowing function loses the error's type, so the result is carried out.
    let result = bytes.withUnsafeBytes { (buffer) -> Result<Void, CommitLogError> in
      do throws(CommitLogError) {
        try write([buffer], at: position)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }
}

/// Memory that is a file; unmapped with the last reference.
package final class FileMapping: @unchecked Sendable {
  // Sendable: who may touch which bytes when is SegmentIndex's business; this only owns the mapping.
  package let base: UnsafeMutableRawPointer
  package let length: Int
  private let unmap: @Sendable (UnsafeMutableRawPointer, Int) -> Void

  package init(
    base: UnsafeMutableRawPointer, length: Int,
    unmap: @escaping @Sendable (UnsafeMutableRawPointer, Int) -> Void
  ) {
    self.base = base
    self.length = length
    self.unmap = unmap
  }

  deinit { unmap(base, length) }
}
