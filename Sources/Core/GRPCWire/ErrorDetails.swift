package import Protobuf

/// google.rpc.ErrorInfo: why, in words that programs act on.
package struct ErrorInfo: ProtobufMessage {
  package var reason = ""
  package var domain = ""
  package var metadata = StringMap()

  package init() {}

  package init(reason: String, domain: String, metadata: StringMap) {
    self.reason = reason
    self.domain = domain
    self.metadata = metadata
  }

  package static let descriptorName = "google.rpc.ErrorInfo"
  package static let fields = [
    FieldDescription(1, "reason", .string),
    FieldDescription(2, "domain", .string),
    FieldDescription(
      3, "metadata", .message, of: "google.rpc.ErrorInfo.MetadataEntry", repeated: true),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): reason = try reader.string(field: 1)
      case .length(2): domain = try reader.string(field: 2)
      case .length(3): try reader.entry(into: &metadata, field: 3)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, reason)
    writer.string(2, domain)
    writer.map(3, metadata)
  }
}

/// google.rpc.RetryInfo: when to try again.
package struct RetryInfo: ProtobufMessage {
  package var retryDelay: DurationMessage?

  package init() {}

  package init(retryDelay: DurationMessage) { self.retryDelay = retryDelay }

  package static let descriptorName = "google.rpc.RetryInfo"
  package static let fields = [
    FieldDescription(1, "retry_delay", .message, of: DurationMessage.descriptorName)
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): try reader.message(into: &retryDelay)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.message(1, retryDelay)
  }
}

/// google.protobuf.Duration.
package struct DurationMessage: ProtobufMessage {
  package var seconds: Int64 = 0
  /// Of the same sign as `seconds`, below 10^9 in magnitude.
  package var nanos: Int32 = 0

  package init() {}

  package init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self.seconds = seconds
    nanos = Int32(attoseconds / 1_000_000_000)
  }

  package var duration: Duration { .seconds(seconds) + .nanoseconds(Int64(nanos)) }

  package static let descriptorName = "google.protobuf.Duration"
  package static let fields = [
    FieldDescription(1, "seconds", .int64),
    FieldDescription(2, "nanos", .int32),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): seconds = try reader.int64()
      case .varint(2): nanos = try reader.int32()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.signed(1, seconds)
    writer.signed(2, nanos)
  }
}

/// google.rpc.LocalizedMessage: a sentence for the end user.
package struct LocalizedMessage: ProtobufMessage {
  /// A BCP 47 tag.
  package var locale = ""
  package var message = ""

  package init() {}

  package init(locale: String, message: String) {
    self.locale = locale
    self.message = message
  }

  package static let descriptorName = "google.rpc.LocalizedMessage"
  package static let fields = [
    FieldDescription(1, "locale", .string),
    FieldDescription(2, "message", .string),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): locale = try reader.string(field: 1)
      case .length(2): message = try reader.string(field: 2)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.string(1, locale)
    writer.string(2, message)
  }
}
