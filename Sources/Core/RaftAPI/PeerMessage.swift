package import Protobuf

/// A message between two servers of a cluster, all kinds in one.
package struct PeerMessage: ProtobufMessage {
  package enum Kind: Int32, Sendable {
    case unspecified, preVote, preVoteAnswer, vote, voteAnswer, append, appendAnswer, heartbeat
    case heartbeatAnswer, timeoutNow, readIndex, readIndexAnswer, image, imageAnswer
  }

  /// A `Kind`, or one of a later version.
  package var kind: Int32 = 0
  package var term: UInt64 = 0
  package var index: UInt64 = 0
  package var indexTerm: UInt64 = 0
  package var commit: UInt64 = 0
  package var session: UInt64 = 0
  package var number: UInt64 = 0
  package var isPositive = false
  /// Entries as they are stored, one behind the other; or bytes of an image.
  package var frames: [UInt8] = []
  package var asked: UInt64 = 0
  package var hasEnd = false
  package var isTransfer = false
  package var isSurveyed = false
  package var incarnation: UInt64 = 0

  package init() {}

  package static let descriptorName = "raft.v1.PeerMessage"
  package static let fields = [
    FieldDescription(1, "kind", .enum, of: "raft.v1.MessageKind"),
    FieldDescription(2, "term", .uint64), FieldDescription(3, "index", .uint64),
    FieldDescription(4, "index_term", .uint64), FieldDescription(5, "commit", .uint64),
    FieldDescription(6, "session", .uint64), FieldDescription(7, "number", .uint64),
    FieldDescription(8, "is_positive", .bool), FieldDescription(9, "frames", .bytes),
    FieldDescription(10, "asked", .uint64), FieldDescription(11, "has_end", .bool),
    FieldDescription(12, "is_transfer", .bool), FieldDescription(13, "is_surveyed", .bool),
    FieldDescription(14, "incarnation", .fixed64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): kind = try reader.int32()
      case .varint(2): term = try reader.varint()
      case .varint(3): index = try reader.varint()
      case .varint(4): indexTerm = try reader.varint()
      case .varint(5): commit = try reader.varint()
      case .varint(6): session = try reader.varint()
      case .varint(7): number = try reader.varint()
      case .varint(8): isPositive = try reader.bool()
      case .length(9): frames = try reader.byteArray()
      case .varint(10): asked = try reader.varint()
      case .varint(11): hasEnd = try reader.bool()
      case .varint(12): isTransfer = try reader.bool()
      case .varint(13): isSurveyed = try reader.bool()
      case .fixed64(14): incarnation = try reader.fixed64()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.signed(1, kind)
    writer.varint(2, term)
    writer.varint(3, index)
    writer.varint(4, indexTerm)
    writer.varint(5, commit)
    writer.varint(6, session)
    writer.varint(7, number)
    writer.bool(8, isPositive)
    writer.bytes(9, frames)
    writer.varint(10, asked)
    writer.bool(11, hasEnd)
    writer.bool(12, isTransfer)
    writer.bool(13, isSurveyed)
    writer.fixed64(14, incarnation)
  }
}

/// The end of a stream of messages; it has nothing to say.
package struct DeliverResponse: ProtobufMessage {
  package init() {}

  package static let descriptorName = "raft.v1.DeliverResponse"
  package static let fields: [FieldDescription] = []

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() { try reader.skip(tag) }
  }

  package func write(to writer: inout WireWriter) {}
}
