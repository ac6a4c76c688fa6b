package import Protobuf

/// The body of an entry of the kind log start: the log begins there from now on, on every server.
package struct LogStart: ProtobufMessage, Equatable {
  /// Why the start moved.
  package enum Cause: Int32, Sendable {
    case unspecified, bytes, age, request
  }

  /// Of the first record that is served.
  package var offset: UInt64 = 0
  /// Entries up to here are removed, as far as a server's segments end there.
  package var index: UInt64 = 0
  /// A `Cause`, or one of a later version.
  package var cause: Int32 = 0

  package init() {}

  package init(offset: UInt64, index: UInt64, cause: Cause) {
    self.offset = offset
    self.index = index
    self.cause = cause.rawValue
  }

  /// Whether this one removes anything that `other` keeps.
  package func isBeyond(_ other: LogStart) -> Bool { offset > other.offset || index > other.index }

  package static let descriptorName = "raft.v1.LogStart"
  package static let fields = [
    FieldDescription(1, "offset", .uint64), FieldDescription(2, "index", .uint64),
    FieldDescription(3, "cause", .enum, of: "raft.v1.LogStartCause"),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): offset = try reader.varint()
      case .varint(2): index = try reader.varint()
      case .varint(3): cause = try reader.int32()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.varint(1, offset)
    writer.varint(2, index)
    writer.signed(3, cause)
  }
}

/// The body of an entry of the kind settings: what was set for the log, in place of what each server is configured with.
package struct LogSettings: ProtobufMessage, Equatable {
  /// 0: as each server is configured; -1: no limit.
  package var retentionBytes: Int64 = 0
  /// Milliseconds; 0 and -1 as above.
  package var retentionMs: Int64 = 0

  package init() {}

  package init(retentionBytes: Int64, retentionMs: Int64) {
    self.retentionBytes = retentionBytes
    self.retentionMs = retentionMs
  }

  package static let descriptorName = "raft.v1.LogSettings"
  package static let fields = [
    FieldDescription(1, "retention_bytes", .sint64), FieldDescription(2, "retention_ms", .sint64),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): retentionBytes = try reader.sint64()
      case .varint(2): retentionMs = try reader.sint64()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.zigZag(1, retentionBytes)
    writer.zigZag(2, retentionMs)
  }
}
