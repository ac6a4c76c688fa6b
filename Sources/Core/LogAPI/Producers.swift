package import Protobuf

/// Asks for a producer's id, or for the next epoch of a named one.
package struct InitProducerRequest: ProtobufMessage {
  /// Empty: anonymous. A name keeps its id and gets a new epoch.
  package var name = ""

  package init() {}

  package init(name: String) { self.name = name }

  package static let descriptorName = "log.v1.InitProducerRequest"
  package static let fields = [FieldDescription(1, "name", .string)]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .length(1): name = try reader.string(field: 1)
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) { writer.string(1, name) }
}

package struct InitProducerResponse: ProtobufMessage {
  package var producerID: UInt64 = 0
  package var producerEpoch: UInt32 = 0

  package init() {}

  package init(producerID: UInt64, producerEpoch: UInt32) {
    self.producerID = producerID
    self.producerEpoch = producerEpoch
  }

  package static let descriptorName = "log.v1.InitProducerResponse"
  package static let fields = [
    FieldDescription(1, "producer_id", .uint64), FieldDescription(2, "producer_epoch", .uint32),
  ]

  package mutating func merge(from reader: inout WireReader) throws(ProtobufError) {
    while let tag = try reader.next() {
      switch tag {
      case .varint(1): producerID = try reader.varint()
      case .varint(2): producerEpoch = try reader.uint32()
      default: try reader.skip(tag)
      }
    }
  }

  package func write(to writer: inout WireWriter) {
    writer.varint(1, producerID)
    writer.varint(2, producerEpoch)
  }
}
