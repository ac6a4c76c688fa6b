package import Protobuf

/// Asks who the servers are.
package struct GetServersRequest: ProtobufMessage {
  package var includeLearners = false
  /// Leaders differ by log once there are several.
  package var log = ""

  package init() {}

  package init(
    includeLearners: Bool = false, log: String = ""
  ) {
    self.includeLearners = includeLearners
    self.log = log
  }

  package static let descriptorName = "log.v1.GetServersRequest"
  package static let fields = [
    FieldDescription(8, "include_learners", .bool),
    FieldDescription(9, "log", .string),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(8): includeLearners = try reader.bool()
      case .length(9): log = try reader.string(field: 9)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.bool(8, includeLearners)
    writer.string(9, log)
  }
}

/// The servers of the cluster; of two lists the one with the higher (`term`, `version`) is newer.
package struct GetServersResponse: ProtobufMessage {
  package var servers: [Server] = []
  /// Index of the latest configuration or no-op entry applied.
  package var version: UInt64 = 0
  package var term: UInt64 = 0
  package var clusterId = ""
  /// Empty: none known.
  package var leaderId = ""

  package init() {}

  package init(
    servers: [Server] = [], version: UInt64 = 0, term: UInt64 = 0, clusterId: String = "",
    leaderId: String = ""
  ) {
    self.servers = servers
    self.version = version
    self.term = term
    self.clusterId = clusterId
    self.leaderId = leaderId
  }

  package static let descriptorName = "log.v1.GetServersResponse"
  package static let fields = [
    FieldDescription(1, "servers", .message, of: "log.v1.Server", repeated: true),
    FieldDescription(8, "version", .uint64),
    FieldDescription(9, "term", .uint64),
    FieldDescription(10, "cluster_id", .string),
    FieldDescription(11, "leader_id", .string),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): try reader.message(appendingTo: &servers)
      case .varint(8): version = try reader.varint()
      case .varint(9): term = try reader.varint()
      case .length(10): clusterId = try reader.string(field: 10)
      case .length(11): leaderId = try reader.string(field: 11)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.messages(1, servers)
    writer.varint(8, version)
    writer.varint(9, term)
    writer.string(10, clusterId)
    writer.string(11, leaderId)
  }
}

/// One server of the cluster.
package struct Server: ProtobufMessage {
  package var id = ""
  /// The advertised address, host:port.
  package var rpcAddr = ""
  package var isLeader = false
  package var role = ServerRole.voter
  package var httpAddr = ""
  package var zone = ""
  /// As the answering server sees it.
  package var reachable = false
  package var appliedIndex: UInt64 = 0

  package init() {}

  package static let descriptorName = "log.v1.Server"
  package static let fields = [
    FieldDescription(1, "id", .string),
    FieldDescription(2, "rpc_addr", .string),
    FieldDescription(3, "is_leader", .bool),
    FieldDescription(8, "role", .enum, of: "log.v1.ServerRole"),
    FieldDescription(9, "http_addr", .string),
    FieldDescription(10, "zone", .string),
    FieldDescription(11, "reachable", .bool),
    FieldDescription(12, "applied_index", .uint64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): id = try reader.string(field: 1)
      case .length(2): rpcAddr = try reader.string(field: 2)
      case .varint(3): isLeader = try reader.bool()
      case .varint(8): role = ServerRole(rawValue: try reader.int32())
      case .length(9): httpAddr = try reader.string(field: 9)
      case .length(10): zone = try reader.string(field: 10)
      case .varint(11): reachable = try reader.bool()
      case .varint(12): appliedIndex = try reader.varint()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, id)
    writer.string(2, rpcAddr)
    writer.bool(3, isLeader)
    writer.signed(8, role.rawValue)
    writer.string(9, httpAddr)
    writer.string(10, zone)
    writer.bool(11, reachable)
    writer.varint(12, appliedIndex)
  }
}

/// Whether a server counts for a majority.
///
/// Open, as every proto3 enum: a newer peer may send a number that is not listed.
package struct ServerRole: RawRepresentable, Hashable, Sendable {
  package let rawValue: Int32

  package init(rawValue: Int32) { self.rawValue = rawValue }

  package static let voter = ServerRole(rawValue: 0)
  package static let learner = ServerRole(rawValue: 1)
}
