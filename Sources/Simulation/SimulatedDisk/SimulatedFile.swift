import Synchronization

package import CommitLog

/// The contents of a file: as the process sees them, and as they are on the disk.
///
/// Used under its own lock, but for what a mapping writes, which tests do on one thread.
final class Inode: @unchecked Sendable {
  private enum Pending {
    case write(position: Int, bytes: [UInt8])
    case resize(Int)
  }

  private let mutex = Mutex(())
  private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 16)
  private(set) var size = 0
  private var durable: [UInt8] = []
  private var pending: [Pending] = []
  private var isMapped = false

  init() { memory.initializeMemory(as: UInt8.self, repeating: 0) }

  private init(durable bytes: [UInt8]) {
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    durable = bytes
    resize(bytes.count)
    memory.copyBytes(from: bytes)
  }

  deinit {
    memory.deallocate()
  }

  private func ensure(_ capacity: Int) {
    guard capacity > memory.count else { return }
    let larger = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(capacity, memory.count * 2), alignment: 16)
    larger.initializeMemory(as: UInt8.self, repeating: 0)
    larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<size]))
    precondition(!isMapped, "a mapped file of the simulated disk grew beyond its mapping")
    memory.deallocate()
    memory = larger
  }

  private func resize(_ new: Int) {
    ensure(new)
    if new < size {
      UnsafeMutableRawBufferPointer(rebasing: memory[new..<size])
        .initializeMemory(as: UInt8.self, repeating: 0)
    }
    size = new
  }

  func write(_ pieces: [UnsafeRawBufferPointer], at position: Int) {
    mutex.withLock { _ in
      var place = position
      for piece in pieces where piece.count > 0 {
        if place + piece.count > size { resize(place + piece.count) }
        UnsafeMutableRawBufferPointer(rebasing: memory[place..<place + piece.count])
          .copyMemory(from: piece)
        pending.append(.write(position: place, bytes: [UInt8](piece)))
        place += piece.count
      }
    }
  }

  func truncate(to new: Int) {
    mutex.withLock { _ in
      resize(new)
      pending.append(.resize(new))
    }
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) -> Int {
    mutex.withLock { _ in
      let count = max(0, min(buffer.count, size - position))
      if count > 0 {
        buffer.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: memory[position..<position + count]))
      }
      return count
    }
  }

  func map(_ length: Int) -> UnsafeMutableRawPointer? {
    mutex.withLock { _ in
      ensure(length)
      isMapped = true
      return memory.baseAddress
    }
  }

  /// What the process sees is on the disk.
  func sync() {
    mutex.withLock { _ in
      if isMapped {
        durable = [UInt8](memory[..<size])
      } else {
        for change in pending { Inode.apply(change, to: &durable) }
      }
      pending.removeAll(keepingCapacity: true)
    }
  }

  /// A failed sync: what was pending counts as clean, and is lost.
  func loseWrites() { mutex.withLock { _ in pending.removeAll() } }

  /// Changes a byte as bit rot does, in both.
  func flip(_ position: Int, mask: UInt8) {
    mutex.withLock { _ in
      memory[position] ^= mask
      if position < durable.count { durable[position] ^= mask }
    }
  }

  var bytes: [UInt8] { mutex.withLock { _ in [UInt8](memory[..<size]) } }

  /// Sets both to `bytes`.
  func replace(_ bytes: [UInt8]) {
    mutex.withLock { _ in
      resize(bytes.count)
      memory.copyBytes(from: bytes)
      durable = bytes
      pending.removeAll()
    }
  }

  private static func apply(_ change: Pending, to bytes: inout [UInt8]) {
    switch change {
    case .resize(let size):
      if size < bytes.count {
        bytes.removeSubrange(size...)
      } else {
        bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
      }
    case .write(let position, let content):
      if position + content.count > bytes.count {
        bytes.append(
          contentsOf: repeatElement(0, count: position + content.count - bytes.count))
      }
      bytes.replaceSubrange(position..<position + content.count, with: content)
    }
  }

  // MARK: Power

  func afterPowerCut(_ fate: CrashFate, _ random: inout some RandomNumberGenerator) -> Inode {
    mutex.withLock { _ in
      switch fate {
      case .none: return Inode(durable: durable)
      case .all: return Inode(durable: [UInt8](memory[..<size]))
      case .coin: return Inode(durable: isMapped ? sectorsByCoin(&random) : piecesByCoin(&random))
      case .torn: return Inode(durable: isMapped ? sectorsByCoin(&random) : torn(&random))
      }
    }
  }

  /// Each changed sector of a mapped file is old or new.
  private func sectorsByCoin(_ random: inout some RandomNumberGenerator) -> [UInt8] {
    var result = durable
    let current = [UInt8](memory[..<size])
    if random.below(2) == 0 { Inode.apply(.resize(size), to: &result) }
    for start in stride(from: 0, to: min(result.count, size), by: 512)
    where random.below(2) == 0 {
      let end = min(start + 512, result.count, size)
      result.replaceSubrange(start..<end, with: current[start..<end])
    }
    return result
  }

  /// Sizes change in order, as a journal keeps them; sectors of data are written or not.
  private func piecesByCoin(_ random: inout some RandomNumberGenerator) -> [UInt8] {
    var result = durable
    let sizesKept = random.below(pending.count + 1)
    for (number, change) in pending.enumerated() {
      switch change {
      case .resize: if number < sizesKept { Inode.apply(change, to: &result) }
      case .write(let position, let bytes):
        var start = 0
        while start < bytes.count {
          let end = min(bytes.count, start + 512 - (position + start) % 512)
          if random.below(2) == 0 {
            Inode.apply(
              .write(position: position + start, bytes: [UInt8](bytes[start..<end])), to: &result)
          }
          start = end
        }
      }
    }
    return result
  }

  private func torn(_ random: inout some RandomNumberGenerator) -> [UInt8] {
    var result = durable
    guard !pending.isEmpty else { return result }
    let last = random.below(pending.count)
    for change in pending[..<last] { Inode.apply(change, to: &result) }
    if case .write(let position, let bytes) = pending[last] {
      let part = Array(bytes.prefix(random.below(bytes.count + 1)))
      Inode.apply(.write(position: position, bytes: part), to: &result)
    }
    return result
  }
}

/// An open file of the simulated disk.
package final class SimulatedFile: DiskFile {
  package let path: String
  let inode: Inode
  private let disk: SimulatedDisk

  init(path: String, inode: Inode, disk: SimulatedDisk) {
    self.path = path
    self.inode = inode
    self.disk = disk
  }

  package func size() throws(CommitLogError) -> UInt64 { UInt64(inode.size) }

  package func write(
    _ pieces: [UnsafeRawBufferPointer], at position: UInt64
  ) throws(CommitLogError) {
    try disk.count(path, "pwritev")
    let end = Int(position) + pieces.reduce(0) { $0 + $1.count }
    try disk.take(max(0, end - inode.size), path)
    inode.write(pieces, at: Int(position))
  }

  package func read(
    into buffer: UnsafeMutableRawBufferPointer, at position: UInt64, mayBlock: Bool
  ) throws(CommitLogError) -> Int? {
    let count = inode.read(into: buffer, at: Int(position))
    disk.readCounter.add(bytes: count)
    return count
  }

  package func sync() throws(CommitLogError) {
    do throws(CommitLogError) {
      try disk.count(path, "fdatasync")
    } catch {
      // A sync that fails loses what was pending; one that the power cut prevents decides nothing.
      if case .io(_, "power off", _) = error {} else { inode.loseWrites() }
      throw error
    }
    let lies = disk.state.withLock { state in
      state.syncs += 1
      return state.faults.syncLies
    }
    if !lies { inode.sync() }
  }

  package func truncate(to size: UInt64) throws(CommitLogError) {
    try disk.count(path, "ftruncate")
    try disk.take(min(0, Int(size) - inode.size), path)
    inode.truncate(to: Int(size))
  }

  package func reserve(from position: UInt64, to end: UInt64) throws(CommitLogError) {
    try disk.count(path, "fallocate")
    guard Int(end) > inode.size else { return }
    try disk.take(Int(end) - inode.size, path)
    inode.truncate(to: Int(end))
  }

  package func forgetCache() {}

  package func map(_ length: Int) throws(CommitLogError) -> FileMapping {
    try disk.countOpen(path)
    guard let base = inode.map(length) else { throw .io(file: path, call: "mmap", code: 12) }
    let inode = inode
    return FileMapping(base: base, length: length) { _, _ in _ = inode }
  }
}
