import GRPCWire
import Protobuf
import RPC
import RaftAPI
import RaftNode

/// One stream of messages from another server.
final class DeliverCall: ServerCallHandler {
  /// Of a stream that brings entries: what may be on its way is bounded by the leader's window of AppendEntries.
  private static let windowBytes = 4 << 20

  private let runner: RaftRunner
  private let hello: PeerHello
  private let endpoint: RaftEndpoint
  private var isWide = false

  init(_ runner: RaftRunner, _ hello: PeerHello, _ call: ServerCall, _ endpoint: RaftEndpoint) {
    self.runner = runner
    self.hello = hello
    self.endpoint = endpoint
    endpoint.opened(call)
    if let address = PeerAddress(hello.address) { runner.heard(from: hello.from, at: address) }
  }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {
    let packet: Packet
    do {
      let received = try PeerMessage(reading: message)
      packet = Packet(try received.message(), frames: received.frames)
    } catch let error as PeerMessage.Fault {
      return refuse(call, "\(error.text), from \(hello.from)")
    } catch {
      return refuse(call, "a PeerMessage cannot be read: \(error)")
    }
    if !isWide, !packet.frames.isEmpty {
      isWide = true
      call.widenWindow(to: Self.windowBytes)
    }
    runner.receive(packet, from: hello.from)
  }

  private func refuse(_ call: ServerCall, _ why: String) {
    endpoint.closed(call)
    call.finish(Status(.invalidArgument, why))
  }

  func receiveEnd(on call: ServerCall) {
    endpoint.closed(call)
    DeliverResponse().serialized().withUnsafeBytes { call.send($0) }
    call.finish()
  }

  func ended(_ reason: CallEnd, on call: ServerCall) { endpoint.closed(call) }
}

/// A stream that was refused.
final class RefusedDelivery: ServerCallHandler {
  init(_ status: Status, _ call: ServerCall) { call.finish(status) }

  func receive(_ message: UnsafeRawBufferPointer, on call: ServerCall) {}
}
