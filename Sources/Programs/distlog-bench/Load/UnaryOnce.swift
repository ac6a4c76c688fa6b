internal import GRPCWire
internal import LogAPI
internal import RPC

/// One Produce of one record.
final class UnaryOnce: ClientCallHandler {
  private let channel: RPCChannel
  private let bytes: RecordBytes
  private let number: UInt64
  private let done: (_ failure: String?, _ nanoseconds: UInt64) -> Void
  private var began: UInt64 = 0

  init(
    _ channel: RPCChannel, _ bytes: RecordBytes, _ number: UInt64,
    done: @escaping (_ failure: String?, _ nanoseconds: UInt64) -> Void
  ) {
    self.channel = channel
    self.bytes = bytes
    self.number = number
    self.done = done
  }

  func start() {
    began = monotonicNow()
    let call = channel.start(LogMethod.produce.rawValue, shape: .unary, handler: self)
    call.send(capacity: bytes.requestBytes) { bytes.writeRequest(first: number, to: $0) }
    call.halfClose()
  }

  func receive(_ message: UnsafeRawBufferPointer, on call: ClientCall) {}
  func readyToSend(on call: ClientCall) {}

  func ended(_ status: Status, trailers: Metadata, on call: ClientCall) {
    done(
      status.code == .ok ? nil : "\(status.code.name): \(status.message)", monotonicNow() - began)
  }
}
