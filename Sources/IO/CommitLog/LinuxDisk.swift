import CPlatform
import Glibc
import Synchronization

/// The real disk: system calls, nothing else.
package struct LinuxDisk: Disk {
  package let readCounter = ReadCounter()
  private let keptFolders = KeptFolders()
  private let isReadOnly: Bool

  /// `readOnly`: opens files for reading only, for looking at a folder that is not to be changed.
  package init(readOnly: Bool = false) { isReadOnly = readOnly }

  private static let noFile = "a file should stand here, and a folder, link or pipe does"

  package func makeFolder(_ path: String) throws(CommitLogError) {
    var end = path.startIndex
    while end != path.endIndex {
      end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
      let part = String(path[..<end])
      if mkdir(part, 0o700) == 0 {
        let parent = part.lastIndex(of: "/").map { part[..<$0] } ?? "."
        try syncFolder(parent.isEmpty ? "/" : String(parent))
        continue
      }
      let code = errno
      guard code != EEXIST else { continue }
      // A read-only parent that exists answers EROFS or EACCES.
      guard !isFolder(part) else { continue }
      throw failure(path, "mkdir", code)
    }
    guard isFolder(path) else { throw failure(path, "mkdir", ENOTDIR) }
  }

  package func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  package func reasonNotToReplace(_ folder: String) -> String? {
    var (status, above) = (stat(), stat())
    guard !folder.isEmpty, lstat(folder, &status) == 0 else {
      return folder.isEmpty ? "it has no name" : nil
    }
    let remedy = "; name a folder that does not exist yet"
    guard status.st_mode & S_IFMT == S_IFDIR else { return "it is a file or a link\(remedy)" }
    guard stat(folder + "/..", &above) == 0, status.st_dev == above.st_dev,
      status.st_ino != above.st_ino
    else { return "it is a mount point\(remedy), within it if need be" }
    return folder == "." || folder.hasSuffix("/.") || folder.hasSuffix("..")
      ? "it is the folder one stands in\(remedy)" : nil
  }

  private func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  package func names(in folder: String) throws(CommitLogError) -> [String] {
    guard let stream = opendir(folder) else { throw failure(folder, "opendir", errno) }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw failure(folder, "readdir", errno) }
    return names.sorted()
  }

  package func create(
    _ path: String, named name: String
  ) throws(CommitLogError) -> LinuxFile {
    try openFile(path, O_RDWR | O_CREAT | O_TRUNC, named: name)
  }

  package func open(_ path: String) throws(CommitLogError) -> LinuxFile {
    try openFile(path, isReadOnly ? O_RDONLY : O_RDWR)
  }

  private func openFile(
    _ path: String, _ flags: Int32, named name: String? = nil
  ) throws(CommitLogError) -> LinuxFile {
    // Without O_NONBLOCK a pipe in a file's place would wait for whoever opens its other end.
    let all = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    let descriptor = retrying { Glibc.open(path, all, 0o600) }
    if descriptor < 0, errno == ELOOP || errno == ENXIO {
      throw .corrupt(file: path, position: 0, offset: 0, what: LinuxDisk.noFile)
    }
    guard descriptor >= 0 else { throw failure(path, "open", errno) }
    let file = LinuxFile(path: name ?? path, descriptor: descriptor, readCounter: readCounter)
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(path, "fstat", errno) }
    let kind = status.st_mode & S_IFMT
    guard kind == (flags & O_DIRECTORY == 0 ? S_IFREG : S_IFDIR) else {
      throw .corrupt(file: path, position: 0, offset: 0, what: LinuxDisk.noFile)
    }
    return file
  }

  package func rename(_ path: String, to newPath: String) throws(CommitLogError) {
    guard Glibc.rename(path, newPath) == 0 else { throw failure(path, "rename", errno) }
  }

  package func remove(_ path: String) throws(CommitLogError) {
    guard unlink(path) == 0 else { throw failure(path, "unlink", errno) }
  }

  package func removeFolder(_ path: String) throws(CommitLogError) {
    guard rmdir(path) == 0 else { throw failure(path, "rmdir", errno) }
  }

  package func keepFolder(_ folder: String) throws(CommitLogError) {
    let file = try openFile(folder, O_RDONLY | O_DIRECTORY)
    keptFolders.files.withLock { $0[folder] = file }
  }

  package func syncFolder(_ folder: String) throws(CommitLogError) {
    let file: LinuxFile
    if let kept = keptFolders.files.withLock({ $0[folder] }) {
      file = kept
    } else {
      file = try openFile(folder, O_RDONLY | O_DIRECTORY)
    }
    guard retrying({ fsync(file.descriptor) }) == 0 else {
      throw .io(file: folder, call: "fsync", code: errno)
    }
  }

  package func lock(_ path: String, folder: String) throws(CommitLogError) -> LinuxFile {
    // Where nobody has ever locked there is nothing to wait for, and a folder that is only looked at gets no file.
    let isLooking = isReadOnly && !exists(path)
    let file =
      isLooking
      ? try openFile(folder, O_RDONLY | O_DIRECTORY)
      : try openFile(path, isReadOnly ? O_RDONLY : O_RDWR | O_CREAT)
    // Those that only look do not disturb each other.
    let kind = isReadOnly ? LOCK_SH : LOCK_EX
    guard retrying({ flock(file.descriptor, kind | LOCK_NB) }) == 0 else {
      guard errno == EWOULDBLOCK else { throw failure(path, "flock", errno) }
      var text = [UInt8](repeating: 0, count: 16)
      let count = max(0, pread(file.descriptor, &text, text.count, 0))
      let digits = text.prefix(count).prefix {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
      }
      throw .locked(folder: folder, pid: Int32(String(decoding: digits, as: UTF8.self)))
    }
    // The number is only for the other one's message: a full disk must not keep a node from starting.
    if !isReadOnly, ftruncate(file.descriptor, 0) == 0 {
      let text = Array("\(getpid())\n".utf8)
      _ = pwrite(file.descriptor, text, text.count, 0)
    }
    return file
  }
}

/// The folders a disk has open for good.
private final class KeptFolders: Sendable {
  let files = Mutex<[String: LinuxFile]>([:])
}

/// An open file of the real disk; closed with the last reference.
package final class LinuxFile: DiskFile {
  /// IOV_MAX: pieces one pwritev takes.
  private static let maxPieces = 1024

  package let path: String
  let descriptor: Int32

  private let readCounter: ReadCounter

  init(path: String, descriptor: Int32, readCounter: ReadCounter) {
    self.path = path
    self.descriptor = descriptor
    self.readCounter = readCounter
  }

  deinit { close(descriptor) }

  package func size() throws(CommitLogError) -> UInt64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(path, "fstat", errno) }
    return UInt64(status.st_size)
  }

  package func write(
    _ pieces: [UnsafeRawBufferPointer], at position: UInt64
  ) throws(CommitLogError) {
    var position = position
    var next = 0
    var vectors: [iovec] = []
    while next < pieces.count {
      vectors.removeAll(keepingCapacity: true)
      for piece in pieces[next...].prefix(LinuxFile.maxPieces) {
        vectors.append(
          iovec(
            iov_base: UnsafeMutableRawPointer(mutating: piece.baseAddress), iov_len: piece.count))
      }
      next += vectors.count
      var first = 0
      while first < vectors.count {
        let rest = Int32(vectors.count - first)
        let written = retrying {
          vectors.withUnsafeBufferPointer {
            pwritev(descriptor, $0.baseAddress.map { $0 + first }, rest, off_t(position))
          }
        }
        guard written >= 0 else { throw failure(path, "pwritev", errno) }
        guard written > 0 || vectors[first].iov_len == 0 else {
          throw failure(path, "pwritev", EIO)
        }
        position += UInt64(written)
        first = LinuxFile.advance(&vectors, from: first, by: written)
      }
    }
  }

  /// Takes `count` written bytes off the vectors; returns the first that is not done.
  private static func advance(_ vectors: inout [iovec], from first: Int, by count: Int) -> Int {
    var first = first
    var count = count
    while first < vectors.count, count >= vectors[first].iov_len {
      count -= vectors[first].iov_len
      first += 1
    }
    if first < vectors.count, count > 0 {
      vectors[first].iov_base = vectors[first].iov_base.map { $0 + count }
      vectors[first].iov_len -= count
    }
    return first
  }

  package func read(
    into buffer: UnsafeMutableRawBufferPointer, at position: UInt64, mayBlock: Bool
  ) throws(CommitLogError) -> Int? {
    guard let base = buffer.baseAddress else { return 0 }
    var count = 0
    while count < buffer.count {
      let got = retrying {
        cplatform_pread(
          descriptor, base + count, buffer.count - count, off_t(position) + count, mayBlock)
      }
      if got == 0 { break }
      if got < 0 {
        guard errno == EAGAIN, !mayBlock else { throw failure(path, "pread", errno) }
        return count > 0 ? count : nil
      }
      readCounter.add(bytes: got)
      count += got
    }
    return count
  }

  package func sync() throws(CommitLogError) {
    // Never diskFull: after a failed sync nothing is known of what is on the disk.
    guard retrying({ fdatasync(descriptor) }) == 0 else {
      throw .io(file: path, call: "fdatasync", code: errno)
    }
  }

  package func truncate(to size: UInt64) throws(CommitLogError) {
    guard retrying({ ftruncate(descriptor, off_t(size)) }) == 0 else {
      throw failure(path, "ftruncate", errno)
    }
  }

  package func reserve(from position: UInt64, to end: UInt64) throws(CommitLogError) {
    guard end > position else { return }
    let code = cplatform_reserve(descriptor, off_t(position), off_t(end - position))
    guard code == 0 else { throw failure(path, "fallocate", code) }
  }

  package func forgetCache() {
    _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
  }

  package func map(_ length: Int) throws(CommitLogError) -> FileMapping {
    let base = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let base, base != MAP_FAILED else { throw failure(path, "mmap", errno) }
    return FileMapping(base: base, length: length) { munmap($0, $1) }
  }
}

private func failure(_ file: String, _ call: String, _ code: Int32) -> CommitLogError {
  switch code {
  case ENOSPC, EDQUOT: .diskFull(file: file)
  case EMFILE, ENFILE: .outOfFiles(file: file)
  // The process has as many mappings as it may: they run out with descriptors.
  case ENOMEM where call == "mmap": .outOfFiles(file: file)
  default: .io(file: file, call: call, code: code)
  }
}

/// Calls again as long as a signal interrupts it.
private func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}

/// The system's words for an error number.
func errorText(_ code: Int32) -> String {
  String(cString: strerror(code)) + " (errno \(code))"
}

/// Nanoseconds since 1970.
package func wallClock() -> UInt64 {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}
