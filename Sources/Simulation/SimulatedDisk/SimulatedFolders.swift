/// A folder that got a new name.
struct FolderMove {
  /// The folder that has to be synced to make it durable.
  var folder: String
  var from: String
  var to: String

  var undone: FolderMove { FolderMove(folder: folder, from: to, to: from) }

  func moved(_ path: String) -> String {
    path == from || path.hasPrefix(from + "/") ? to + path.dropFirst(from.utf8.count) : path
  }

  func apply(to names: inout [String: Inode]) {
    names = Dictionary(
      names.map { (moved($0.key), $0.value) }, uniquingKeysWith: { _, last in last })
  }
}

extension SimulatedDisk.State {
  /// One step: what lies in the folder has its new path from now on, durably so when the folder above is synced.
  mutating func renameFolder(_ path: String, to newPath: String) {
    let parent = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    let move = FolderMove(folder: parent, from: path, to: newPath)
    move.apply(to: &names)
    folders = Set(folders.map(move.moved))
    keptFolders = Set(keptFolders.map(move.moved))
    for place in changes.indices {
      changes[place].folder = move.moved(changes[place].folder)
      changes[place].name = move.moved(changes[place].name)
    }
    moves.append(move)
  }
}
