package import Protobuf

/// Reads one `ProduceRequest` after another into views, without allocating for the usual shapes.
///
/// What it accepts, and the values, are those of the message's own decoder: a shape that the quick
/// scan does not know goes through that one, and the view then looks at its canonical bytes.
///
/// One serves a whole event loop: after an unusual request it keeps as much memory as that took.
package final class ProduceRequestReader {
  private let maxRecords: Int
  /// The canonical bytes behind the last view that needed them. A writer owns its memory, so that
  /// the view may point into it.
  private var scratch = WireWriter(capacity: 0)

  /// - Parameter maxRecords: the most records that a batch may have. A request with more in an
  ///   unusual shape is not decoded; its view tells `recordCount` and nothing else.
  package init(maxRecords: Int) { self.maxRecords = maxRecords }

  /// The view is valid while `bytes` and this reader are, and until the next call.
  package func read(
    _ bytes: UnsafeRawBufferPointer
  ) throws(ProtobufError) -> ProduceRequestView {
    var view = ProduceRequestView()
    try read(bytes, into: &view)
    return view
  }

  /// Like `read`, into a view that is used again.
  package func read(
    _ bytes: UnsafeRawBufferPointer, into view: inout ProduceRequestView
  ) throws(ProtobufError) {
    view = ProduceRequestView()
    if !view.scan(bytes, trusted: false) { try readSlowly(bytes, into: &view) }
  }

  @inline(never)
  private func readSlowly(
    _ bytes: UnsafeRawBufferPointer, into view: inout ProduceRequestView
  ) throws(ProtobufError) {
    view = ProduceRequestView()
    // Two bytes make an empty record: decoding them all would take fifty times the request.
    let count = try Self.countRecords(bytes)
    guard count <= maxRecords else {
      view.recordCount = count
      return
    }
    scratch.removeAll()
    try ProduceRequest(reading: bytes).write(to: &scratch)
    let scanned = scratch.withUnsafeBytes { view.scan($0, trusted: true) }
    precondition(scanned, "the scan does not know the codec's own form of a ProduceRequest")
  }

  private static func countRecords(_ bytes: UnsafeRawBufferPointer) throws(ProtobufError) -> Int {
    var reader = WireReader(bytes)
    var count = 0
    while let tag = try reader.next() {
      if tag == .length(9) { count += 1 }
      try reader.skip(tag)
    }
    return count
  }
}
