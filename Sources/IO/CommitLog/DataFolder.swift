/// Where the files of a data folder lie, and its `identity` file.
struct DataFolder {
  static let format = 1
  let path: String

  var lockFile: String { path + "/lock" }
  var identityFile: String { path + "/identity" }
  var logsFolder: String { path + "/logs" }

  func logFolder(_ id: UniqueID) -> String { "\(logsFolder)/\(id)" }
  static func metaFile(in logFolder: String) -> String { logFolder + "/meta" }

  /// The text of the identity file: readable, with a checksum over the lines before it.
  static func identityText(_ identity: LogIdentity) -> String {
    let lines = """
      distlog data folder
      format \(format)
      cluster \(identity.clusterID)
      storage \(identity.storageID)
      log \(identity.logInstanceID)

      """
    return lines + "crc32c \(CRC32C.checksum(Array(lines.utf8)))\n"
  }

  func readIdentity<D: Disk>(_ disk: D) throws(CommitLogError) -> LogIdentity {
    let file = try disk.open(identityFile)
    let size = try file.size()
    guard size < 4096 else { throw damaged("the identity file has \(size) bytes") }
    let text = String(decoding: try file.readBytes(Int(size), at: 0), as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 7, lines[0] == "distlog data folder" else {
      throw damaged("it is not an identity file")
    }
    guard let format = Int(field("format", lines[1])) else { throw damaged("it names no format") }
    guard format == DataFolder.format else {
      throw .unsupportedFormat(file: identityFile, found: format, supported: DataFolder.format)
    }
    guard let cluster = UniqueID(field("cluster", lines[2])),
      let storage = UniqueID(field("storage", lines[3])),
      let log = UniqueID(field("log", lines[4]))
    else { throw damaged("an id is not a UUID") }
    let identity = LogIdentity(clusterID: cluster, storageID: storage, logInstanceID: log)
    guard text == DataFolder.identityText(identity) else {
      throw damaged("the checksum is wrong")
    }
    return identity
  }

  /// Makes the identity durable; the folder counts as a data folder from then on.
  func writeIdentity<D: Disk>(_ identity: LogIdentity, _ disk: D) throws(CommitLogError) {
    let new = identityFile + ".new"
    let file = try disk.create(new)
    try file.write(Array(DataFolder.identityText(identity).utf8), at: 0)
    try file.sync()
    try disk.rename(new, to: identityFile)
    try disk.syncFolder(path)
  }

  /// Refuses a folder that holds records but lost its identity.
  func checkUnused<D: Disk>(_ disk: D) throws(CommitLogError) {
    guard disk.exists(logsFolder) else { return }
    for name in try disk.names(in: logsFolder) where UniqueID(name) != nil {
      let folder = logsFolder + "/" + name
      for file in try disk.names(in: folder) where file.hasSuffix(".store") {
        guard try disk.open(folder + "/" + file).size() <= UInt64(SegmentHeader.size) else {
          throw .notADataFolder(
            folder: path,
            why: "it holds records but its identity file is missing; "
              + CommitLogError.repairRemedy)
        }
      }
    }
  }

  private func field(_ name: String, _ line: Substring) -> String {
    line.hasPrefix(name + " ") ? String(line.dropFirst(name.count + 1)) : ""
  }

  private func damaged(_ what: String) -> CommitLogError {
    .corrupt(file: identityFile, position: 0, offset: 0, what: what)
  }
}
