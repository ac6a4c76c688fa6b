import HTTP2
import NIOCore
import NIOPosix

/// Buffers that all client connections of one event loop share: they are used within one turn.
final class ClientMemory {
  // Each thread has a value of its own.
  private nonisolated(unsafe) static let perThread = ThreadSpecificVariable<ClientMemory>()

  /// Decrypted bytes on their way to HTTP/2; room for several TLS records.
  let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
  let output = HTTP2Output()
  /// What goes to the socket; used again when the socket took it all.
  var wire = ByteBuffer()
  let pool = HTTP2Pool()

  deinit { scratch.deallocate() }

  /// That of the calling thread, an event loop's.
  static var current: ClientMemory {
    if let memory = perThread.currentValue { return memory }
    let memory = ClientMemory()
    perThread.currentValue = memory
    return memory
  }
}
