package import ClusterModel
package import CommitLog
import Protobuf
package import RaftAPI
import RaftCore

/// Makes a data folder one of a cluster's, step by step: after a crash at any of them the same step is done again.
package struct ClusterFolder<D: Disk> {
  private let path: String
  private let disk: D
  private let options: CommitLog.Options
  private let file: FormationFile<D>

  package init(_ path: String, disk: D, options: CommitLog.Options) {
    self.path = path
    self.disk = disk
    var options = options
    options.acknowledgesOnWrite = false
    self.options = options
    file = FormationFile(in: path, disk: disk)
  }

  /// How far it is. A folder that is not there is made, and has agreed to nothing.
  ///
  /// - Parameter own: this server by name and address; a folder of a single node becomes a cluster of it.
  package func state(
    of own: (_ id: NodeID) -> MemberEntry
  ) throws(CommitLogError) -> FormationFile<D>.State {
    try disk.makeFolder(path)
    if let state = try file.read() { return state }
    if disk.exists(path + "/identity") { return try adopt(own) }
    let lock = try lock()
    defer { withExtendedLifetime(lock) {} }
    if let state = try file.read() { return state }
    let state = FormationFile<D>.State(.alone, .random())
    try file.write(state)
    return state
  }

  /// Keeps other processes out; the log takes it of its own when it is opened.
  package func lock() throws(CommitLogError) -> D.Lock {
    try disk.lock(path + "/lock", folder: path)
  }

  /// Durable on return.
  package func write(_ state: FormationFile<D>.State) throws(CommitLogError) {
    try file.write(state)
  }

  /// A single node's folder: the whole log is one that a cluster of one has committed.
  private func adopt(
    _ own: (NodeID) -> MemberEntry
  ) throws(CommitLogError) -> FormationFile<D>.State {
    var options = options
    // What a single node has on its disk it has acknowledged.
    options.acknowledgesOnWrite = true
    let engine = try LogEngine(path, disk: disk, options: options)
    let identity = engine.identity
    let hasVoted = disk.exists(engine.folder + "/hardstate")
    try engine.close()
    guard !hasVoted else {
      throw .corrupt(
        file: path + "/formation", position: 0, offset: 0,
        what:
          "the file is missing, though this folder takes part in a cluster; take the node out of the "
          + "cluster and add it again with an empty data folder")
    }
    let founding = Founding(
      clusterID: "\(identity.clusterID)", logID: "\(identity.logInstanceID)",
      members: [own(NodeID(identity.storageID))])
    let state = FormationFile<D>.State(.founding, identity.storageID, founding)
    try file.write(state)
    return state
  }

  /// Makes the log, the vote's file and, of a founder, the entry that brings the first members; then says so.
  package func complete(
    _ state: FormationFile<D>.State
  ) throws(CommitLogError) -> FormationFile<D>.State {
    guard state.phase == .founding || state.phase == .joining, let founding = state.founding,
      let cluster = UniqueID(founding.clusterID), let log = UniqueID(founding.logID)
    else { preconditionFailure("a folder in phase \(state.phase) cannot be completed") }
    var options = options
    options.newIdentity = {
      LogIdentity(clusterID: cluster, storageID: state.storageID, logInstanceID: log)
    }
    let engine = try LogEngine(path, disk: disk, options: options)
    do throws(CommitLogError) {
      _ = try HardStateFile(
        in: engine.folder, of: NodeID(state.storageID), disk: disk, isNew: true)
      if state.phase == .founding { try writeMembers(founding, engine) }
    } catch {
      try? engine.close()
      throw error
    }
    try engine.close()
    var done = state
    done.phase = .member
    try file.write(done)
    return done
  }

  /// The same bytes on all founders. Written behind what a single node has written before.
  private func writeMembers(
    _ founding: Founding, _ engine: LogEngine<D>
  ) throws(CommitLogError) {
    let tail = engine.tail
    // Done already, and then there was a crash: once more does no harm but to the founders' being equal.
    if founding.members.count > 1, tail.nextIndex > 1 { return }
    let body = MembersEntry(founding.members).serialized()
    let batch = FrameBatch(capacity: FrameHeader.size + body.count)
    batch.begin(
      kind: .configuration, index: tail.nextIndex, term: max(1, tail.lastTerm),
      baseOffset: tail.nextOffset, logTime: max(founding.time, tail.lastLogTime),
      commitMark: tail.commitMark, maxTimestampSoFar: tail.maxTimestamp)
    body.withUnsafeBytes { batch.appendBody($0) }
    batch.end()
    if let error = engine.write([batch]).error { throw error }
    // Nobody was told of anything that a crash here could cut off.
    try engine.confirmTail()
  }
}
