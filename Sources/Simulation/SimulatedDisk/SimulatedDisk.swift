import Synchronization

package import CommitLog

/// What a power cut leaves of writes that were not synced.
package enum CrashFate: CaseIterable, Sendable {
  /// Nothing.
  case none
  /// Everything.
  case all
  /// Each piece, of a sector at most, by coin.
  case coin
  /// Those before some byte of some write.
  case torn
}

/// A disk in memory that forgets what was not synced when its power is cut, and fails on demand.
///
/// Files are inodes; names are made durable by syncing their folder. Of the names changed since, a crash keeps for each
/// inode a random first part of its changes.
package final class SimulatedDisk: Disk {
  /// What is to go wrong.
  package struct Faults: Sendable {
    /// Calls that change something are numbered from 1; this one and, if `lasting`, all later ones fail.
    package var failingCall: Int?
    package var lasting = false
    package var code: Int32 = 5
    /// Openings of files and folders, and mappings, are numbered from 1; this one finds no descriptor.
    package var failingOpen: Int?
    /// Bytes of space; nil = no end.
    package var capacity: Int?
    /// fdatasync does nothing: the control of the durability tests.
    package var syncLies = false
    /// After this call the power is off: this and all later calls fail without effect.
    package var powerOffAfter: Int?
  }

  struct State {
    var names: [String: Inode] = [:]
    var durableNames: [String: Inode] = [:]
    var changes: [Change] = []
    /// Folders renamed, not yet durable.
    var moves: [FolderMove] = []
    var folders: Set<String> = []
    var locks: Set<String> = []
    var calls = 0
    var opens = 0
    var keptFolders: Set<String> = []
    var syncs = 0
    var faults = Faults()
    var used = 0
    /// What a store was before it was damaged.
    var undo: (Inode, [UInt8])?
  }

  /// A name that came or went, not yet durable.
  struct Change {
    var folder: String
    var name: String
    var inode: Inode
    var appears: Bool
  }

  let state = Mutex(State())
  package let readCounter = ReadCounter()

  package init() {}

  package var faults: Faults {
    get { state.withLock { $0.faults } }
    set { state.withLock { $0.faults = newValue } }
  }
  /// Calls so far that change something.
  package var calls: Int { state.withLock { $0.calls } }
  /// Openings and mappings so far.
  package var opens: Int { state.withLock { $0.opens } }
  package var syncs: Int { state.withLock { $0.syncs } }

  /// Counts a call; throws when it is to fail.
  func count(_ path: String, _ call: String) throws(CommitLogError) {
    try state.withLock { (state) throws(CommitLogError) in
      state.calls += 1
      if let last = state.faults.powerOffAfter, state.calls > last {
        throw .io(file: path, call: "power off", code: 5)
      }
      guard let failing = state.faults.failingCall else { return }
      guard state.calls == failing || (state.faults.lasting && state.calls > failing) else {
        return
      }
      if state.faults.code == 28, !call.hasSuffix("sync") { throw .diskFull(file: path) }
      throw .io(file: path, call: call, code: state.faults.code)
    }
  }

  /// Counts an opening or a mapping; throws when it is to fail.
  func countOpen(_ path: String) throws(CommitLogError) {
    try state.withLock { (state) throws(CommitLogError) in
      state.opens += 1
      if state.opens == state.faults.failingOpen { throw .outOfFiles(file: path) }
    }
  }

  /// Takes space or throws.
  func take(_ bytes: Int, _ path: String) throws(CommitLogError) {
    try state.withLock { (state) throws(CommitLogError) in
      if let capacity = state.faults.capacity, bytes > 0, state.used + bytes > capacity {
        throw .diskFull(file: path)
      }
      state.used += bytes
    }
  }

  package func makeFolder(_ path: String) throws(CommitLogError) {
    _ = state.withLock { $0.folders.insert(path) }
  }

  package func exists(_ path: String) -> Bool {
    state.withLock { state in
      state.names[path] != nil || state.folders.contains(path)
        || state.folders.contains { $0.hasPrefix(path + "/") }
    }
  }

  package func names(in folder: String) throws(CommitLogError) -> [String] {
    let prefix = folder + "/"
    // By bytes: nodes look at their folders often.
    func inside(_ path: String) -> String? {
      guard path.hasPrefix(prefix) else { return nil }
      let rest = path.utf8.dropFirst(prefix.utf8.count)
      return String(rest.prefix { $0 != UInt8(ascii: "/") })
    }
    return state.withLock { state in
      let found = state.names.keys.compactMap(inside) + state.folders.compactMap(inside)
      return Set(found).sorted()
    }
  }

  package func create(
    _ path: String, named name: String
  ) throws(CommitLogError) -> SimulatedFile {
    try countOpen(path)
    try count(path, "open")
    let inode = Inode()
    state.withLock { state in
      if let old = state.names[path] {
        state.changes.append(Change(folder: parent(path), name: path, inode: old, appears: false))
      }
      state.names[path] = inode
      state.changes.append(Change(folder: parent(path), name: path, inode: inode, appears: true))
    }
    return SimulatedFile(path: name, inode: inode, disk: self)
  }

  package func open(_ path: String) throws(CommitLogError) -> SimulatedFile {
    try countOpen(path)
    guard let inode = state.withLock({ $0.names[path] }) else {
      throw .io(file: path, call: "open", code: 2)
    }
    return SimulatedFile(path: path, inode: inode, disk: self)
  }

  package func rename(_ path: String, to newPath: String) throws(CommitLogError) {
    try count(path, "rename")
    try state.withLock { (state) throws(CommitLogError) in
      if state.folders.contains(path) { return state.renameFolder(path, to: newPath) }
      guard let inode = state.names.removeValue(forKey: path) else {
        throw .io(file: path, call: "rename", code: 2)
      }
      state.names[newPath] = inode
      let folder = parent(path)
      // One step in the journal, so one change here: the new name; the old one goes with it.
      state.changes.append(Change(folder: folder, name: newPath, inode: inode, appears: true))
    }
  }

  package func remove(_ path: String) throws(CommitLogError) {
    try count(path, "unlink")
    try state.withLock { (state) throws(CommitLogError) in
      guard let inode = state.names.removeValue(forKey: path) else {
        throw .io(file: path, call: "unlink", code: 2)
      }
      state.used -= inode.size
      state.changes.append(
        Change(folder: parent(path), name: path, inode: inode, appears: false))
    }
  }

  package func removeFolder(_ path: String) throws(CommitLogError) {
    try count(path, "rmdir")
    guard try names(in: path).isEmpty else {
      throw .io(file: path, call: "rmdir", code: 39)
    }
    _ = state.withLock { $0.folders.remove(path) }
  }

  package func keepFolder(_ folder: String) throws(CommitLogError) {
    try countOpen(folder)
    _ = state.withLock { $0.keptFolders.insert(folder) }
  }

  package func syncFolder(_ folder: String) throws(CommitLogError) {
    if !state.withLock({ $0.keptFolders.contains(folder) }) { try countOpen(folder) }
    try count(folder, "fsync")
    state.withLock { state in
      if state.faults.syncLies { return }
      for change in state.changes where change.folder == folder {
        SimulatedDisk.apply(change, to: &state.durableNames)
      }
      for move in state.moves where move.folder == folder { move.apply(to: &state.durableNames) }
      state.moves.removeAll { $0.folder == folder }
      state.changes.removeAll { $0.folder == folder }
    }
  }

  /// Holds the lock; given back with the last reference, or by a crash.
  package final class Lock: Sendable {
    let path: String
    let disk: SimulatedDisk

    init(path: String, disk: SimulatedDisk) {
      self.path = path
      self.disk = disk
    }

    deinit { _ = disk.state.withLock { $0.locks.remove(path) } }
  }

  package func lock(_ path: String, folder: String) throws(CommitLogError) -> Lock {
    guard state.withLock({ $0.locks.insert(path).inserted }) else {
      throw .locked(folder: folder, pid: nil)
    }
    return Lock(path: path, disk: self)
  }

  private func parent(_ path: String) -> String {
    String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }

  private static func apply(_ change: Change, to names: inout [String: Inode]) {
    if change.appears {
      // It has one name at most.
      if let old = names.first(where: { $0.value === change.inode })?.key { names[old] = nil }
      names[change.name] = change.inode
    } else if names[change.name] === change.inode {
      names[change.name] = nil
    }
  }

  // MARK: Power

  /// The disk as the next start finds it. The old one is not to be used any more.
  package func afterPowerCut(
    _ fate: CrashFate, _ random: inout some RandomNumberGenerator
  ) -> SimulatedDisk {
    let disk = SimulatedDisk()
    let (names, folders) = state.withLock { state in
      SimulatedDisk.namesAfterCut(state, fate, &random)
    }
    var copies: [String: Inode] = [:]
    for name in names.keys.sorted() {
      if let inode = names[name] { copies[name] = inode.afterPowerCut(fate, &random) }
    }
    disk.state.withLock { state in
      state.names = copies
      state.durableNames = copies
      state.folders = folders
      state.used = copies.values.reduce(0) { $0 + $1.size }
    }
    return disk
  }

  private static func namesAfterCut(
    _ state: State, _ fate: CrashFate, _ random: inout some RandomNumberGenerator
  ) -> ([String: Inode], folders: Set<String>) {
    var names = state.durableNames
    var folders = state.folders
    var stopped: Set<ObjectIdentifier> = []
    for change in state.changes {
      let keep: Bool
      switch fate {
      case .none: keep = false
      case .all: keep = true
      case .coin, .torn: keep = random.below(2) == 0
      }
      let id = ObjectIdentifier(change.inode)
      if !keep { stopped.insert(id) }
      if !stopped.contains(id) { apply(change, to: &names) }
    }
    for move in state.moves {
      if fate == .all || fate != .none && random.below(2) == 0 {
        move.apply(to: &names)
      } else {
        folders = Set(folders.map(move.undone.moved))
      }
    }
    return (names, folders)
  }
}
