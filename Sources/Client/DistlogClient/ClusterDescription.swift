internal import LogAPI

/// The servers of a cluster as one of them sees it.
public struct ServerList: Sendable, Equatable {
  /// One server of the cluster.
  public struct Server: Sendable, Equatable {
    /// Its `node.id`.
    public var id: String
    /// Where it takes calls: the advertised address.
    public var address: String
    /// Whether it takes the writes.
    public var isLeader: Bool
    /// A learner follows the log without a vote.
    public var isLearner: Bool
    /// Empty: not told.
    public var zone: String
    /// Whether the one that answered can reach it.
    public var isReachable: Bool
  }

  /// All that are known.
  public var servers: [Server]
  /// A UUID; two clusters never share one.
  public var clusterID: String
  /// Empty: none known.
  public var leaderID: String

  init(_ response: GetServersResponse) {
    clusterID = response.clusterId
    leaderID = response.leaderId
    servers = response.servers.map {
      Server(
        id: $0.id, address: $0.rpcAddr, isLeader: $0.isLeader, isLearner: $0.role == .learner,
        zone: $0.zone, isReachable: $0.reachable)
    }
  }
}

/// A log: what it holds and since when. Times are nanoseconds since 1970, 0 for none.
public struct LogDescription: Sendable, Equatable {
  /// What it is called; the default log has a name too.
  public var name: String
  /// Oldest offset kept ..< the next to be given out.
  public var offsets: Range<UInt64>
  /// On disk.
  public var bytes: UInt64
  /// Files that its records are in.
  public var segments: UInt32
  /// When it was made.
  public var created: UInt64
  /// The oldest record's.
  public var firstTimestamp: UInt64
  /// The newest record's.
  public var lastTimestamp: UInt64
  /// The most bytes of a record; 0: not told.
  public var maxRecordBytes: UInt32
  /// A segment takes no more batches when it has this many; 0: not told.
  public var segmentBytes: Int64
  /// Oldest segments go while those behind them hold this many bytes; -1: no limit, 0: not told.
  public var retentionBytes: Int64
  /// Segments go when all their records are older than this many milliseconds; -1: no limit, 0: not told.
  public var retentionMilliseconds: Int64
  /// Of this life of the log: offsets are never reused within one.
  public var instanceID: String

  init(_ info: LogInfo) {
    name = info.name
    offsets = info.startOffset..<max(info.startOffset, info.endOffset)
    bytes = info.bytes
    segments = info.segments
    created = info.createdUnixNano
    firstTimestamp = info.firstTimestampUnixNano
    lastTimestamp = info.lastTimestampUnixNano
    maxRecordBytes = info.config?.maxRecordBytes ?? 0
    segmentBytes = info.config?.segmentBytes ?? 0
    retentionBytes = info.config?.retentionBytes ?? 0
    retentionMilliseconds = info.config?.retentionMs ?? 0
    instanceID = info.instanceId
  }
}

/// The first record at or after a time.
public struct FoundOffset: Sendable, Equatable {
  /// That record's; the log's end when there is none.
  public var offset: UInt64
  /// That record's, nanoseconds since 1970.
  public var timestamp: UInt64
  /// Whether there is no such record yet.
  public var isAtEnd: Bool

  init(_ response: FindOffsetResponse) {
    offset = response.offset
    timestamp = response.timestampUnixNano
    isAtEnd = response.atEnd
  }
}
