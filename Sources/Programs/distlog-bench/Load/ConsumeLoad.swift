internal import GRPCWire
internal import Protobuf
internal import RPC

/// Reads a range of the log on one ConsumeStream and checks offsets and values of all records.
final class ConsumeLoad: Load, ClientCallHandler {
  struct Request: Sendable {
    var offsets: Range<UInt64>
    /// 0 = one record per message.
    var maxRecords: UInt64
    /// Without a stop the stream waits at the log's end for more.
    var stops = true

    func serialized() -> [UInt8] {
      // offset = 1, max_records = 10, stop = 12 (STOP_OFFSET = 2), stop_offset = 17.
      var writer = WireWriter()
      writer.varint(1, offsets.lowerBound)
      writer.varint(10, maxRecords)
      if stops {
        writer.varint(12, UInt64(2))
        writer.varint(17, offsets.upperBound)
      }
      return writer.bytes()
    }
  }

  var tally = Tally()
  /// Called for each record; for loads that measure single records.
  var onRecord: ((_ number: UInt64) -> Void)?
  private(set) var nextOffset: UInt64
  private let channel: RPCChannel
  private let path: String
  private let request: Request
  private let bytes: RecordBytes
  private var call: ClientCall?
  private var isOver = false
  private var isCancelled = false
  private var done: (() -> Void)?

  init(_ channel: RPCChannel, path: String, request: Request, bytes: RecordBytes) {
    self.channel = channel
    self.path = path
    self.request = request
    self.bytes = bytes
    nextOffset = request.offsets.lowerBound
  }

  func start() {
    let call = channel.start(path, shape: .serverStreaming, handler: self)
    self.call = call
    request.serialized().withUnsafeBytes { call.send($0) }
    call.halfClose()
  }

  /// Waits for the end of the range; an endless stream is cancelled.
  func stop(_ done: @escaping () -> Void) {
    guard !isOver else { return done() }
    self.done = done
    if !request.stops {
      isCancelled = true
      call?.cancel()
    }
  }

  func receive(_ message: UnsafeRawBufferPointer, on call: ClientCall) {
    tally.messages &+= 1
    guard var fields = MessageFields(message) else { return }
    while true {
      let tag = fields.next()
      if tag == 0 { break }
      // ConsumeResponse: record = 2, records = 8.
      if tag == 8 << 3 | 2 || tag == 2 << 3 | 2 { take(fields.bytes) }
    }
    if fields.isMalformed { tally.failed("malformed answer") }
  }

  @inline(__always)
  private func take(_ record: UnsafeRawBufferPointer) {
    var offset: UInt64 = 0
    var value = UnsafeRawBufferPointer(start: nil, count: 0)
    if var fields = MessageFields(record) {
      while true {
        let tag = fields.next()
        if tag == 0 { break }
        if tag == 1 << 3 | 2 { value = fields.bytes }
        if tag == 2 << 3 { offset = fields.value }
      }
    }
    if offset != nextOffset { tally.failed("an offset out of order") }
    nextOffset = offset + 1
    guard let number = bytes.number(in: value) else { return tally.failed("a value was changed") }
    tally.acknowledged(offset: offset, number: number)
    onRecord?(number)
  }

  func readyToSend(on call: ClientCall) {}

  func ended(_ status: Status, trailers: Metadata, on call: ClientCall) {
    if status.code != .ok, !isCancelled {
      tally.failed("\(status.code.name): \(status.message)")
    } else if request.stops, nextOffset != request.offsets.upperBound {
      tally.failed("ended at \(nextOffset), not at \(request.offsets.upperBound)")
    }
    isOver = true
    self.call = nil
    let done = self.done
    self.done = nil
    done?()
  }
}
