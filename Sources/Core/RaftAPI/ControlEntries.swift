package import ClusterModel
package import Protobuf
package import RaftCore

/// A server as the entry of a membership names it.
package struct MemberEntry: ProtobufMessage, Equatable {
  package var idHigh: UInt64 = 0
  package var idLow: UInt64 = 0
  package var name = ""
  package var address = ""
  package var isLearner = false
  /// A learner that is to become a voter when it has caught up.
  package var wantsVote = false

  package init() {}

  package init(_ id: NodeID, name: String, address: String, isLearner: Bool) {
    idHigh = id.high
    idLow = id.low
    self.name = name
    self.address = address
    self.isLearner = isLearner
  }

  package var id: NodeID { NodeID(high: idHigh, low: idLow) }

  package static let descriptorName = "raft.v1.Member"
  package static let fields = [
    FieldDescription(1, "id_high", .fixed64), FieldDescription(2, "id_low", .fixed64),
    FieldDescription(3, "name", .string), FieldDescription(4, "address", .string),
    FieldDescription(5, "is_learner", .bool), FieldDescription(6, "wants_vote", .bool),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .fixed64(1): idHigh = try reader.fixed64()
      case .fixed64(2): idLow = try reader.fixed64()
      case .length(3): name = try reader.string(field: 3)
      case .length(4): address = try reader.string(field: 4)
      case .varint(5): isLearner = try reader.bool()
      case .varint(6): wantsVote = try reader.bool()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.fixed64(1, idHigh)
    writer.fixed64(2, idLow)
    writer.string(3, name)
    writer.string(4, address)
    writer.bool(5, isLearner)
    writer.bool(6, wantsVote)
  }
}

/// The body of an entry of the kind configuration.
package struct MembersEntry: ProtobufMessage {
  package var members: [MemberEntry] = []

  package init() {}

  package init(_ members: [MemberEntry]) { self.members = members }

  package var membership: Membership {
    Membership(
      voters: members.filter { !$0.isLearner }.map(\.id),
      learners: members.filter(\.isLearner).map(\.id))
  }

  package static let descriptorName = "raft.v1.Members"
  package static let fields = [
    FieldDescription(1, "members", .message, of: "raft.v1.Member", repeated: true)
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): try reader.message(appendingTo: &members)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) { writer.messages(1, members) }
}

/// The body of an entry of the kind producers: a producer begins a life.
package struct ProducerEntry: ProtobufMessage {
  package var id: UInt64 = 0
  package var epoch: UInt32 = 0
  package var subject = ""
  package var name = ""

  package init() {}

  package init(id: UInt64, epoch: UInt32, subject: String, name: String) {
    self.id = id
    self.epoch = epoch
    self.subject = subject
    self.name = name
  }

  package static let descriptorName = "raft.v1.Producer"
  package static let fields = [
    FieldDescription(1, "id", .uint64), FieldDescription(2, "epoch", .uint32),
    FieldDescription(3, "subject", .string), FieldDescription(4, "name", .string),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): id = try reader.varint()
      case .varint(2): epoch = try reader.uint32()
      case .length(3): subject = try reader.string(field: 3)
      case .length(4): name = try reader.string(field: 4)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.varint(1, id)
    writer.varint(2, epoch)
    writer.string(3, subject)
    writer.string(4, name)
  }
}
