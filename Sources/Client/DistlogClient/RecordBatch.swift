package import Protobuf

/// The records that came in one message, and where the log stood when it was sent.
public struct RecordBatch: Sendable {
  /// A serialized log.v1.ConsumeResponse.
  private let message: [UInt8]
  /// Records in the batch; 0 in one that only tells the position.
  public private(set) var count = 0
  /// Where to resume after this batch.
  public private(set) var nextOffset: UInt64 = 0
  /// The committed end of the log: the next offset to be given out.
  public private(set) var endOffset: UInt64 = 0
  /// The oldest offset kept.
  public private(set) var startOffset: UInt64 = 0
  /// Records skipped before this batch because the log no longer holds them.
  public private(set) var lostRecords: UInt64 = 0

  /// Bytes of the message, what it takes of the stream's flow-control window.
  package var messageBytes: Int { message.count }

  /// Copies a message and checks its outer shape.
  package init(copying bytes: UnsafeRawBufferPointer) throws(ProtobufError) {
    message = [UInt8](bytes)
    var reader = WireReader(bytes)
    while let tag = try reader.next() {
      switch tag {
      case .length(2), .length(8):
        _ = try reader.content()
        count += 1
      case .varint(9): nextOffset = try reader.varint()
      case .varint(10): endOffset = try reader.varint()
      case .varint(11): startOffset = try reader.varint()
      case .varint(13): lostRecords = try reader.varint()
      default: try reader.skip(tag)
      }
    }
  }

  /// Lends every record in order, without copying it. Return false to stop.
  package func forEach(
    _ body: (borrowing RecordView) throws(DistlogError) -> Bool
  ) throws(DistlogError) {
    try message.span.bytes.withUnsafeBytes { bytes throws(DistlogError) in
      var reader = WireReader(bytes)
      while let view = try Self.nextRecord(&reader) {
        guard try body(view) else { return }
      }
    }
  }

  /// Copies of the records, in order.
  public func records() throws(DistlogError) -> [Record] {
    var records: [Record] = []
    records.reserveCapacity(count)
    try forEach { view throws(DistlogError) in
      do throws(ProtobufError) {
        records.append(try view.copy())
      } catch {
        throw .malformedAnswer("log.v1.Record", error)
      }
      return true
    }
    return records
  }

  private static func nextRecord(
    _ reader: inout WireReader
  ) throws(DistlogError) -> RecordView? {
    do {
      while let tag = try reader.next() {
        switch tag {
        case .length(2), .length(8): return try RecordView(try reader.content())
        default: try reader.skip(tag)
        }
      }
      return nil
    } catch {
      throw .malformedAnswer("log.v1.ConsumeResponse", error)
    }
  }
}
