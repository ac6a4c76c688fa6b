internal import LogAPI
internal import Protobuf

/// How a server, and those it could ask, stand.
public struct ClusterStatus: Sendable, Equatable {
  /// What one server holds.
  public struct Replica: Sendable, Equatable {
    /// Its `node.id`.
    public var id: String
    /// Oldest offset kept ..< the next to be given out, committed.
    public var offsets: Range<UInt64>
    /// Records that the leader has committed and it has not.
    public var lagRecords: UInt64
    /// How much newer the leader's newest record is.
    public var lagMilliseconds: UInt64
    /// How long it took to answer.
    public var answeredMilliseconds: UInt64
    /// Of the disk that its data folder is on.
    public var diskFreeBytes: UInt64
    public var diskUsedBytes: UInt64
  }

  /// What the leader knows of a follower; only the leader has any.
  public struct Progress: Sendable, Equatable {
    /// Its `node.id`.
    public var id: String
    /// The last entry that it is known to have on its disk.
    public var matchIndex: UInt64
    /// Entries that it lacks.
    public var lagEntries: UInt64
    /// Since it was heard.
    public var silentMilliseconds: UInt64
    /// probe, replicate or snapshot.
    public var state: String
  }

  /// What an operator should look at.
  public struct Alarm: Sendable, Equatable {
    /// Whose it is: its `node.id`.
    public var server: String
    /// DISK_LOW, DISK_FULL, SLOW_DISK, STORAGE_FAILED, CORRUPTION, or one of a later version.
    public var kind: String
    public var message: String
    /// Nanoseconds since 1970.
    public var since: UInt64
  }

  /// The server that answered.
  public var serverID: String
  /// A UUID.
  public var clusterID: String
  /// Of the program.
  public var version: String
  /// leader, candidate, follower, learner, or none for a server that is no member.
  public var state: String
  /// Empty: none known.
  public var leaderID: String
  /// Raft's.
  public var term: UInt64
  /// Of its log: the last entry, the last one committed, the last one applied.
  public var lastIndex: UInt64
  public var commitIndex: UInt64
  public var appliedIndex: UInt64
  /// Of the disk that its data folder is on.
  public var diskFreeBytes: UInt64
  public var diskUsedBytes: UInt64
  /// Of the server that answered: bytes, milliseconds or counts, by the keys of its configuration.
  public var limits: [String: UInt64]
  /// Nanoseconds since 1970.
  public var started: UInt64
  /// Of the followers, if it leads.
  public var progress: [Progress]
  /// Of the servers that answered it, itself included.
  public var replicas: [Replica]
  /// Of the same servers: what an operator should look at.
  public var alarms: [Alarm]

  init(_ response: StatusResponse) {
    serverID = response.serverID
    clusterID = response.clusterID
    version = response.version
    state = response.raftState
    leaderID = response.leaderID
    term = response.term
    lastIndex = response.lastIndex
    commitIndex = response.commitIndex
    appliedIndex = response.appliedIndex
    diskFreeBytes = response.diskFreeBytes
    diskUsedBytes = response.diskUsedBytes
    limits = Dictionary(
      response.limits.pairs.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    started = response.startedUnixNano
    progress = response.peers.map {
      Progress(
        id: $0.serverID, matchIndex: $0.matchIndex, lagEntries: $0.lagEntries,
        silentMilliseconds: $0.lastContactMs, state: $0.state)
    }
    replicas = response.replicas.map {
      Replica(
        id: $0.serverID, offsets: $0.startOffset..<max($0.startOffset, $0.endOffset),
        lagRecords: $0.lagRecords, lagMilliseconds: $0.lagMs,
        answeredMilliseconds: $0.lastContactMs, diskFreeBytes: $0.diskFreeBytes,
        diskUsedBytes: $0.diskUsedBytes)
    }
    alarms = response.alarms.map {
      Alarm(server: $0.serverID, kind: $0.kind, message: $0.message, since: $0.sinceUnixNano)
    }
  }
}

/// A checksum over what one server holds.
public struct LogChecksum: Sendable, Equatable {
  /// CRC-32C over the records as they are stored.
  public var crc32c: UInt32
  /// That it was taken over.
  public var offsets: Range<UInt64>
}

/// For operators.
extension DistlogClient {
  /// How the server that answers, and the others as it sees them, stand.
  public func clusterStatus() async throws(DistlogError) -> ClusterStatus {
    ClusterStatus(try await call(.getStatus, GetStatusRequest().serialized()))
  }

  /// Makes the server at `address`, which was started to join, a member: a learner, and a voter when it has caught up,
  /// unless it is to stay a learner.
  @discardableResult
  public func addServer(
    _ id: String, at address: String, asLearner: Bool = false
  ) async throws(DistlogError) -> ServerList {
    var request = AddServerRequest()
    request.id = id
    request.rpcAddr = address
    request.role = asLearner ? .learner : .voter
    return try await change(.addServer, request)
  }

  /// Gives a learner a vote.
  @discardableResult
  public func promoteServer(_ id: String) async throws(DistlogError) -> ServerList {
    var request = PromoteServerRequest()
    request.id = id
    return try await change(.promoteServer, request)
  }

  /// Makes a server no member any more.
  ///
  /// - Parameter isForced: even if the voters that are left are not enough up to go on.
  @discardableResult
  public func removeServer(
    _ id: String, isForced: Bool = false
  ) async throws(DistlogError) -> ServerList {
    var request = RemoveServerRequest()
    request.id = id
    request.force = isForced
    return try await change(.removeServer, request)
  }

  /// Lets another server lead: the one named, or whoever has most of the log.
  @discardableResult
  public func transferLeadership(
    to id: String = ""
  ) async throws(DistlogError) -> ServerList {
    var request = TransferLeadershipRequest()
    request.toID = id
    return try await change(.transferLeadership, request)
  }

  /// Over what the server that answers holds, from the first offset on, as far as one call goes.
  public func checksum(
    of log: String = "", _ offsets: Range<UInt64>
  ) async throws(DistlogError) -> LogChecksum {
    var request = ChecksumRequest()
    request.log = log
    request.fromOffset = offsets.lowerBound
    request.toOffset = offsets.upperBound
    let response: ChecksumResponse = try await call(.checksum, request.serialized())
    guard response.fromOffset == offsets.lowerBound, response.toOffset > response.fromOffset
    else {
      throw .misanswered("a checksum of other offsets than those asked for")
    }
    return LogChecksum(
      crc32c: response.crc32c, offsets: response.fromOffset..<response.toOffset)
  }

  private func change(
    _ method: LogMethod, _ request: some ProtobufMessage
  ) async throws(DistlogError) -> ServerList {
    ServerList(try await callLeader(method, request.serialized()))
  }
}
