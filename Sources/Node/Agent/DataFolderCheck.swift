internal import Foundation

extension Agent {
  /// Whether the log could be kept at `node.dataDir`; nothing is created or changed.
  ///
  /// - Throws: `DataFolderError` naming the path and what is wrong with it.
  package static func checkDataFolder(
    _ configuration: AgentConfiguration
  ) throws(DataFolderError) {
    let path = configuration.dataFolder
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      guard isFolder.boolValue else {
        throw DataFolderError("node.dataDir: \(path) is a file, not a folder")
      }
      guard access(path, R_OK | W_OK | X_OK) == 0 else {
        throw DataFolderError("node.dataDir: \(path) may not be written by this user")
      }
      return
    }
    var parent = URL(fileURLWithPath: path).deletingLastPathComponent()
    while !FileManager.default.fileExists(atPath: parent.path), parent.path != "/" {
      parent.deleteLastPathComponent()
    }
    guard access(parent.path, W_OK | X_OK) == 0 else {
      throw DataFolderError(
        "node.dataDir: \(path) does not exist and cannot be made in \(parent.path)")
    }
  }
}

/// The log cannot be kept where the settings say; the message names the folder.
package struct DataFolderError: Error, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}
