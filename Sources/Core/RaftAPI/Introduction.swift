package import Protobuf

/// What a server tells others of itself while a cluster is being formed.
package struct Introduction: ProtobufMessage, Equatable {
  package var sender: MemberEntry?
  /// What it has agreed to, or the cluster that it is in.
  package var founding: Founding?
  /// It is in that cluster.
  package var isFormed = false
  /// What it agreed to under ids that it had before: each with one member, that id.
  package var former: [Founding] = []

  package init() {}

  package init(
    _ own: MemberEntry, founding: Founding? = nil, isFormed: Bool = false, former: [Founding] = []
  ) {
    sender = own
    self.founding = founding
    self.isFormed = isFormed
    self.former = former
  }

  package static let descriptorName = "raft.v1.Introduction"
  package static let fields = [
    FieldDescription(1, "sender", .message, of: "raft.v1.Member"),
    FieldDescription(2, "founding", .message, of: "raft.v1.Founding"),
    FieldDescription(3, "is_formed", .bool),
    FieldDescription(4, "former", .message, of: "raft.v1.Founding", repeated: true),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): try reader.message(into: &sender)
      case .length(2): try reader.message(into: &founding)
      case .varint(3): isFormed = try reader.bool()
      case .length(4): try reader.message(appendingTo: &former)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.message(1, sender)
    writer.message(2, founding)
    writer.bool(3, isFormed)
    writer.messages(4, former)
  }
}

/// The first members of a cluster.
package struct Founding: ProtobufMessage, Equatable {
  /// As a UUID is written.
  package var clusterID = ""
  /// Of the default log.
  package var logID = ""
  /// When it was proposed, nanoseconds since 1970.
  package var time: UInt64 = 0
  package var members: [MemberEntry] = []

  package init() {}

  package init(clusterID: String, logID: String, time: UInt64 = 0, members: [MemberEntry] = []) {
    self.clusterID = clusterID
    self.logID = logID
    self.time = time
    self.members = members
  }

  package static let descriptorName = "raft.v1.Founding"
  package static let fields = [
    FieldDescription(1, "cluster_id", .string), FieldDescription(2, "log_id", .string),
    FieldDescription(3, "time", .fixed64),
    FieldDescription(4, "members", .message, of: "raft.v1.Member", repeated: true),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): clusterID = try reader.string(field: 1)
      case .length(2): logID = try reader.string(field: 2)
      case .fixed64(3): time = try reader.fixed64()
      case .length(4): try reader.message(appendingTo: &members)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, clusterID)
    writer.string(2, logID)
    writer.fixed64(3, time)
    writer.messages(4, members)
  }
}
