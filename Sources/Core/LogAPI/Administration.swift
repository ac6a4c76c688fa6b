package import Protobuf

/// Asks to make a server a member.
package struct AddServerRequest: ProtobufMessage {
  package var id = ""
  package var rpcAddr = ""
  package var role = ServerRole(rawValue: 0)
  package var zone = ""

  package init() {}

  package static let descriptorName = "log.v1.AddServerRequest"
  package static let fields = [
    FieldDescription(1, "id", .string),
    FieldDescription(2, "rpc_addr", .string),
    FieldDescription(3, "role", .enum, of: "log.v1.ServerRole"),
    FieldDescription(4, "zone", .string),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): id = try reader.string(field: 1)
      case .length(2): rpcAddr = try reader.string(field: 2)
      case .varint(3): role = ServerRole(rawValue: try reader.int32())
      case .length(4): zone = try reader.string(field: 4)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, id)
    writer.string(2, rpcAddr)
    writer.signed(3, role.rawValue)
    writer.string(4, zone)
  }
}

/// Asks to give a learner a vote.
package struct PromoteServerRequest: ProtobufMessage {
  package var id = ""

  package init() {}

  package static let descriptorName = "log.v1.PromoteServerRequest"
  package static let fields = [
    FieldDescription(1, "id", .string)
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): id = try reader.string(field: 1)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, id)
  }
}

/// Asks to make a server no member any more.
package struct RemoveServerRequest: ProtobufMessage {
  package var id = ""
  package var force = false

  package init() {}

  package static let descriptorName = "log.v1.RemoveServerRequest"
  package static let fields = [
    FieldDescription(1, "id", .string),
    FieldDescription(2, "force", .bool),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): id = try reader.string(field: 1)
      case .varint(2): force = try reader.bool()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, id)
    writer.bool(2, force)
  }
}

/// Asks to let another server lead.
package struct TransferLeadershipRequest: ProtobufMessage {
  /// Empty: whoever has most of the log.
  package var toID = ""
  package var log = ""

  package init() {}

  package static let descriptorName = "log.v1.TransferLeadershipRequest"
  package static let fields = [
    FieldDescription(1, "to_id", .string),
    FieldDescription(2, "log", .string),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): toID = try reader.string(field: 1)
      case .length(2): log = try reader.string(field: 2)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, toID)
    writer.string(2, log)
  }
}

/// Asks for a checksum over what a server holds.
package struct ChecksumRequest: ProtobufMessage {
  package var log = ""
  package var fromOffset: UInt64 = 0
  package var toOffset: UInt64 = 0

  package init() {}

  package static let descriptorName = "log.v1.ChecksumRequest"
  package static let fields = [
    FieldDescription(1, "log", .string),
    FieldDescription(2, "from_offset", .uint64),
    FieldDescription(3, "to_offset", .uint64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): log = try reader.string(field: 1)
      case .varint(2): fromOffset = try reader.varint()
      case .varint(3): toOffset = try reader.varint()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, log)
    writer.varint(2, fromOffset)
    writer.varint(3, toOffset)
  }
}

/// CRC-32C over the records as they are stored.
package struct ChecksumResponse: ProtobufMessage {
  package var crc32c: UInt32 = 0
  package var records: UInt64 = 0
  package var fromOffset: UInt64 = 0
  package var toOffset: UInt64 = 0

  package init() {}

  package static let descriptorName = "log.v1.ChecksumResponse"
  package static let fields = [
    FieldDescription(1, "crc32c", .uint32),
    FieldDescription(2, "records", .uint64),
    FieldDescription(3, "from_offset", .uint64),
    FieldDescription(4, "to_offset", .uint64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): crc32c = try reader.uint32()
      case .varint(2): records = try reader.varint()
      case .varint(3): fromOffset = try reader.varint()
      case .varint(4): toOffset = try reader.varint()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.varint(1, UInt64(crc32c))
    writer.varint(2, records)
    writer.varint(3, fromOffset)
    writer.varint(4, toOffset)
  }
}
