package import Protobuf

/// Asks how a server, and those it knows, stand.
package struct GetStatusRequest: ProtobufMessage {
  package var log = ""

  package init() {}

  package static let descriptorName = "log.v1.GetStatusRequest"
  package static let fields = [
    FieldDescription(1, "log", .string)
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): log = try reader.string(field: 1)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, log)
  }
}

/// How a server stands, as it sees itself and the others.
package struct StatusResponse: ProtobufMessage {
  package var serverID = ""
  package var clusterID = ""
  package var version = ""
  /// leader, candidate, follower, learner, or none.
  package var raftState = ""
  package var leaderID = ""
  package var term: UInt64 = 0
  package var lastIndex: UInt64 = 0
  package var commitIndex: UInt64 = 0
  package var appliedIndex: UInt64 = 0
  package var peers: [PeerProgress] = []
  package var diskFreeBytes: UInt64 = 0
  package var diskUsedBytes: UInt64 = 0
  /// Of each server that could be asked.
  package var alarms: [Alarm] = []
  package var startedUnixNano: UInt64 = 0
  /// Of the server that answers, by the keys of its configuration.
  package var limits = NumberMap()
  package var replicas: [ReplicaStatus] = []

  package init() {}

  package static let descriptorName = "log.v1.StatusResponse"
  package static let fields = [
    FieldDescription(1, "server_id", .string),
    FieldDescription(2, "cluster_id", .string),
    FieldDescription(3, "version", .string),
    FieldDescription(4, "raft_state", .string),
    FieldDescription(5, "leader_id", .string),
    FieldDescription(6, "term", .uint64),
    FieldDescription(7, "last_index", .uint64),
    FieldDescription(8, "commit_index", .uint64),
    FieldDescription(9, "applied_index", .uint64),
    FieldDescription(11, "peers", .message, of: "log.v1.PeerProgress", repeated: true),
    FieldDescription(12, "disk_free_bytes", .uint64),
    FieldDescription(13, "disk_used_bytes", .uint64),
    FieldDescription(14, "alarms", .message, of: "log.v1.Alarm", repeated: true),
    FieldDescription(15, "started_unix_nano", .fixed64),
    FieldDescription(
      17, "limits", .message, of: "log.v1.StatusResponse.LimitsEntry", repeated: true),
    FieldDescription(18, "replicas", .message, of: "log.v1.Replica", repeated: true),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): serverID = try reader.string(field: 1)
      case .length(2): clusterID = try reader.string(field: 2)
      case .length(3): version = try reader.string(field: 3)
      case .length(4): raftState = try reader.string(field: 4)
      case .length(5): leaderID = try reader.string(field: 5)
      case .varint(6): term = try reader.varint()
      case .varint(7): lastIndex = try reader.varint()
      case .varint(8): commitIndex = try reader.varint()
      case .varint(9): appliedIndex = try reader.varint()
      case .length(11): try reader.message(appendingTo: &peers)
      case .varint(12): diskFreeBytes = try reader.varint()
      case .varint(13): diskUsedBytes = try reader.varint()
      case .length(14): try reader.message(appendingTo: &alarms)
      case .fixed64(15): startedUnixNano = try reader.fixed64()
      case .length(17): try reader.entry(into: &limits, field: 17)
      case .length(18): try reader.message(appendingTo: &replicas)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, serverID)
    writer.string(2, clusterID)
    writer.string(3, version)
    writer.string(4, raftState)
    writer.string(5, leaderID)
    writer.varint(6, term)
    writer.varint(7, lastIndex)
    writer.varint(8, commitIndex)
    writer.varint(9, appliedIndex)
    writer.messages(11, peers)
    writer.varint(12, diskFreeBytes)
    writer.varint(13, diskUsedBytes)
    writer.messages(14, alarms)
    writer.fixed64(15, startedUnixNano)
    writer.map(17, limits)
    writer.messages(18, replicas)
  }
}

/// What a leader knows of a follower.
package struct PeerProgress: ProtobufMessage {
  package var serverID = ""
  package var matchIndex: UInt64 = 0
  package var lagEntries: UInt64 = 0
  package var lastContactMs: UInt64 = 0
  /// probe, replicate or snapshot.
  package var state = ""

  package init() {}

  package static let descriptorName = "log.v1.PeerProgress"
  package static let fields = [
    FieldDescription(1, "server_id", .string),
    FieldDescription(2, "match_index", .uint64),
    FieldDescription(3, "lag_entries", .uint64),
    FieldDescription(4, "last_contact_ms", .uint64),
    FieldDescription(5, "state", .string),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): serverID = try reader.string(field: 1)
      case .varint(2): matchIndex = try reader.varint()
      case .varint(3): lagEntries = try reader.varint()
      case .varint(4): lastContactMs = try reader.varint()
      case .length(5): state = try reader.string(field: 5)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, serverID)
    writer.varint(2, matchIndex)
    writer.varint(3, lagEntries)
    writer.varint(4, lastContactMs)
    writer.string(5, state)
  }
}

/// What a server holds, and how far it is behind the leader.
package struct ReplicaStatus: ProtobufMessage {
  package var serverID = ""
  package var startOffset: UInt64 = 0
  package var endOffset: UInt64 = 0
  package var lagRecords: UInt64 = 0
  package var lastContactMs: UInt64 = 0
  package var lagMs: UInt64 = 0
  package var diskFreeBytes: UInt64 = 0
  package var diskUsedBytes: UInt64 = 0

  package init() {}

  package static let descriptorName = "log.v1.Replica"
  package static let fields = [
    FieldDescription(1, "server_id", .string),
    FieldDescription(2, "start_offset", .uint64),
    FieldDescription(3, "end_offset", .uint64),
    FieldDescription(4, "lag_records", .uint64),
    FieldDescription(5, "last_contact_ms", .uint64),
    FieldDescription(6, "lag_ms", .uint64),
    FieldDescription(7, "disk_free_bytes", .uint64),
    FieldDescription(8, "disk_used_bytes", .uint64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): serverID = try reader.string(field: 1)
      case .varint(2): startOffset = try reader.varint()
      case .varint(3): endOffset = try reader.varint()
      case .varint(4): lagRecords = try reader.varint()
      case .varint(5): lastContactMs = try reader.varint()
      case .varint(6): lagMs = try reader.varint()
      case .varint(7): diskFreeBytes = try reader.varint()
      case .varint(8): diskUsedBytes = try reader.varint()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, serverID)
    writer.varint(2, startOffset)
    writer.varint(3, endOffset)
    writer.varint(4, lagRecords)
    writer.varint(5, lastContactMs)
    writer.varint(6, lagMs)
    writer.varint(7, diskFreeBytes)
    writer.varint(8, diskUsedBytes)
  }
}
