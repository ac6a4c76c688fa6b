import CommitLog

/// A disk in memory for one thread: files are made from bytes and read back as bytes.
final class FuzzDisk: Disk, @unchecked Sendable {
  // Sendable: one input is tried on one thread.
  private var files: [String: FuzzFile] = [:]
  private var folders: Set<String> = []
  let readCounter = ReadCounter()

  init(_ contents: [String: [UInt8]] = [:]) {
    for (path, bytes) in contents { files[path] = FuzzFile(path: path, bytes) }
  }

  /// Every file's bytes.
  var contents: [String: [UInt8]] { files.mapValues(\.bytes) }

  func bytes(ending suffix: String) -> [UInt8]? {
    files.first { $0.key.hasSuffix(suffix) }?.value.bytes
  }

  final class Lock: Sendable {}

  func makeFolder(_ path: String) throws(CommitLogError) { folders.insert(path) }

  func exists(_ path: String) -> Bool {
    files[path] != nil || folders.contains(path)
      || files.keys.contains { $0.hasPrefix(path + "/") }
      || folders.contains { $0.hasPrefix(path + "/") }
  }

  func names(in folder: String) throws(CommitLogError) -> [String] {
    let all = Array(files.keys) + Array(folders)
    let inside = all.filter { $0.hasPrefix(folder + "/") }.map { path in
      String(path.dropFirst(folder.utf8.count + 1).prefix { $0 != "/" })
    }
    return Set(inside).sorted()
  }

  func create(_ path: String, named name: String) throws(CommitLogError) -> FuzzFile {
    let file = FuzzFile(path: name, [])
    files[path] = file
    return file
  }

  func open(_ path: String) throws(CommitLogError) -> FuzzFile {
    guard let file = files[path] else { throw .io(file: path, call: "open", code: 2) }
    return file
  }

  func rename(_ path: String, to newPath: String) throws(CommitLogError) {
    for name in files.keys where name == path || name.hasPrefix(path + "/") {
      files[newPath + name.dropFirst(path.utf8.count)] = files.removeValue(forKey: name)
    }
    folders = Set(
      folders.map { name in
        name == path || name.hasPrefix(path + "/")
          ? newPath + name.dropFirst(path.utf8.count) : name
      })
  }

  func removeFolder(_ path: String) throws(CommitLogError) { folders.remove(path) }

  func remove(_ path: String) throws(CommitLogError) { files[path] = nil }
  func keepFolder(_ folder: String) throws(CommitLogError) {}
  func syncFolder(_ folder: String) throws(CommitLogError) {}
  func lock(_ path: String, folder: String) throws(CommitLogError) -> Lock { Lock() }
}

/// A file of a `FuzzDisk`.
final class FuzzFile: DiskFile, @unchecked Sendable {
  // Sendable: see FuzzDisk.

  /// No input comes near it: what asks for more believes a length that it should have checked.
  private static let maxBytes: UInt64 = 64 << 20
  /// Room that every file has from the start, so that a mapped index never has to move.
  private static let leastCapacity = 16 << 10

  let path: String
  private var memory: UnsafeMutableRawBufferPointer
  private var count: Int
  private var isMapped = false

  init(path: String, _ bytes: [UInt8]) {
    self.path = path
    count = bytes.count
    memory = Self.room(for: bytes.count)
    memory.copyBytes(from: bytes)
  }

  deinit { memory.deallocate() }

  var bytes: [UInt8] { Array(memory[..<count]) }

  private static func room(for count: Int) -> UnsafeMutableRawBufferPointer {
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(count * 2, leastCapacity), alignment: 16)
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    return memory
  }

  private func ensure(_ capacity: Int) {
    guard capacity > memory.count else { return }
    precondition(!isMapped, "the mapped file \(path) grows to \(capacity) bytes")
    let larger = Self.room(for: capacity)
    larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
    memory.deallocate()
    memory = larger
  }

  private func resize(to end: UInt64) throws(CommitLogError) {
    guard end <= Self.maxBytes else { throw .diskFull(file: path) }
    let size = Int(end)
    ensure(size)
    if size < count {
      UnsafeMutableRawBufferPointer(rebasing: memory[size..<count])
        .initializeMemory(as: UInt8.self, repeating: 0)
    }
    count = size
  }

  func size() throws(CommitLogError) -> UInt64 { UInt64(count) }

  func write(
    _ pieces: [UnsafeRawBufferPointer], at position: UInt64
  ) throws(CommitLogError) {
    let end = position + UInt64(pieces.reduce(0) { $0 + $1.count })
    if end > UInt64(count) { try resize(to: end) }
    var place = Int(position)
    for piece in pieces {
      UnsafeMutableRawBufferPointer(rebasing: memory[place..<place + piece.count])
        .copyMemory(from: piece)
      place += piece.count
    }
  }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at position: UInt64, mayBlock: Bool
  ) throws(CommitLogError) -> Int? {
    guard position < UInt64(count) else { return 0 }
    let start = Int(position)
    let part = memory[start..<min(count, start + buffer.count)]
    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
    return part.count
  }

  func sync() throws(CommitLogError) {}
  func truncate(to size: UInt64) throws(CommitLogError) { try resize(to: size) }

  func reserve(from position: UInt64, to end: UInt64) throws(CommitLogError) {
    if end > UInt64(count) { try resize(to: end) }
  }

  func forgetCache() {}

  func map(_ length: Int) throws(CommitLogError) -> FileMapping {
    ensure(length)
    isMapped = true
    guard let base = memory.baseAddress else { throw .io(file: path, call: "mmap", code: 12) }
    return FileMapping(base: base, length: length) { [self] _, _ in _ = self }
  }
}
