package import ClusterModel
package import CommitLog
package import RaftAPI

/// The file `formation`: how far a data folder is on its way into a cluster. Readable text with a checksum, replaced as a
/// whole.
///
/// A folder of a single node of an earlier version has none: it is a cluster of one.
package struct FormationFile<D: Disk> {
  package enum Phase: String, Sendable {
    /// It has agreed to nothing.
    case alone
    /// It has agreed to be one of the first members of a cluster.
    case accepted
    /// That cluster exists; this folder's part of it is being made.
    case founding
    /// There is a cluster; this folder's log for it is being made.
    case joining
    /// It holds a log of its cluster.
    case member
  }

  package struct State: Equatable, Sendable {
    package var phase: Phase
    /// This data folder's id.
    package var storageID: UniqueID
    /// nil while it is alone.
    package var founding: Founding?
    /// What it agreed to under ids that it had before, each with one member: that id.
    package var former: [Founding]

    package init(
      _ phase: Phase, _ storageID: UniqueID, _ founding: Founding? = nil, former: [Founding] = []
    ) {
      self.phase = phase
      self.storageID = storageID
      self.founding = founding
      self.former = former
    }

    /// Another life, bound by nothing.
    package var anew: State {
      var former = former
      if let founding {
        let life = MemberEntry(NodeID(storageID), name: "", address: "", isLearner: false)
        former.append(
          Founding(clusterID: founding.clusterID, logID: founding.logID, members: [life]))
      }
      return State(.alone, .random(), former: former)
    }
  }

  private static var format: Int { 1 }
  private let folder: String
  private let path: String
  private let disk: D

  package init(in folder: String, disk: D) {
    self.folder = folder
    self.disk = disk
    path = folder + "/formation"
  }

  /// nil where there is none.
  package func read() throws(CommitLogError) -> State? {
    guard disk.exists(path) else { return nil }
    let file = try disk.open(path)
    let size = try file.size()
    guard size < 64 << 10 else { throw damaged("it has \(size) bytes") }
    let bytes = try file.readBytes(Int(size), at: 0)
    let lines = String(decoding: bytes, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 6, lines[0] == "distlog formation" else {
      throw damaged("it is not a formation file")
    }
    guard let format = Int(field("format", lines[1])) else { throw damaged("it names no format") }
    guard format == Self.format else {
      throw .unsupportedFormat(file: path, found: format, supported: Self.format)
    }
    guard let phase = Phase(rawValue: field("phase", lines[2])),
      let storage = UniqueID(field("storage", lines[3]))
    else { throw damaged("its phase or its id cannot be read") }
    var state = State(phase, storage)
    if phase != .alone {
      guard lines.count >= 9 else { throw damaged("it ends too early") }
      var founding = Founding(
        clusterID: field("cluster", lines[4]), logID: field("log", lines[5]),
        time: UInt64(field("time", lines[6])) ?? 0)
      for line in lines[7...] where line.hasPrefix("member ") {
        guard let member = Self.member(line) else { throw damaged("a member cannot be read") }
        founding.members.append(member)
      }
      state.founding = founding
    }
    for line in lines where line.hasPrefix("former ") {
      let words = line.split(separator: " ").map { UniqueID(String($0)) }
      guard words.count == 4, let id = words[1], let cluster = words[2], let log = words[3] else {
        throw damaged("a former life cannot be read")
      }
      let life = MemberEntry(NodeID(id), name: "", address: "", isLearner: false)
      state.former.append(Founding(clusterID: "\(cluster)", logID: "\(log)", members: [life]))
    }
    guard bytes == Array(Self.text(state).utf8) else { throw damaged("the checksum is wrong") }
    return state
  }

  /// Durable on return.
  package func write(_ state: State) throws(CommitLogError) {
    let new = path + ".new"
    let file = try disk.create(new)
    try file.write(Array(Self.text(state).utf8), at: 0)
    try file.sync()
    try disk.rename(new, to: path)
    try disk.syncFolder(folder)
  }

  private static func text(_ state: State) -> String {
    var lines = [
      "distlog formation", "format \(format)", "phase \(state.phase.rawValue)",
      "storage \(state.storageID)",
    ]
    if let founding = state.founding {
      lines += ["cluster \(founding.clusterID)", "log \(founding.logID)", "time \(founding.time)"]
      for member in founding.members {
        lines.append("member \(UniqueID(member.id)) \(member.address) \(member.name)")
      }
    }
    for founding in state.former {
      for life in founding.members {
        lines.append("former \(UniqueID(life.id)) \(founding.clusterID) \(founding.logID)")
      }
    }
    let text = lines.joined(separator: "\n") + "\n"
    return text + "crc32c \(CRC32C.checksum(Array(text.utf8)))\n"
  }

  private static func member(_ line: Substring) -> MemberEntry? {
    let words = line.split(separator: " ")
    guard words.count == 4, let id = UniqueID(String(words[1])) else { return nil }
    return MemberEntry(
      NodeID(id), name: String(words[3]), address: String(words[2]), isLearner: false)
  }

  private func field(_ name: String, _ line: Substring) -> String {
    line.hasPrefix(name + " ") ? String(line.dropFirst(name.count + 1)) : ""
  }

  private func damaged(_ what: String) -> CommitLogError {
    .corrupt(file: path, position: 0, offset: 0, what: "\(what); \(CommitLogError.remedy)")
  }
}

extension NodeID {
  package init(_ id: UniqueID) { self.init(high: id.high, low: id.low) }
}

extension UniqueID {
  package init(_ node: NodeID) { self.init(high: node.high, low: node.low) }
}
