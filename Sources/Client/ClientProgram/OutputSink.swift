internal import Glibc

/// A descriptor that whole runs of bytes are written to.
package struct OutputSink: Sendable {
  /// Why a write did not happen.
  package enum Failure: Error, Equatable, Sendable {
    /// The reader has gone away (`consume | head`): no error for a program in a pipe.
    case readerGone
    case io(errno: Int32)
    /// The reader took nothing for a while after an interrupt.
    case interrupted
  }

  package static let standardOutput = OutputSink(descriptor: STDOUT_FILENO)
  package static let standardError = OutputSink(descriptor: STDERR_FILENO)

  private let descriptor: Int32

  package init(descriptor: Int32) { self.descriptor = descriptor }

  package var isTerminal: Bool { isatty(descriptor) == 1 }

  /// Writes all of it, and waits as long as the reader takes.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    var written = 0
    try write(bytes, written: &written)
  }

  /// The same; `written` tells how much of it was, whether it fails or not.
  package func write(
    _ bytes: UnsafeRawBufferPointer, written: inout Int
  ) throws(Failure) {
    written = 0
    guard let base = bytes.baseAddress else { return }
    Interrupt.shared.writeBegins()
    defer { Interrupt.shared.writeEnds() }
    while written < bytes.count {
      guard !Interrupt.shared.isWriteOver else { throw .interrupted }
      let result = Glibc.write(descriptor, base + written, bytes.count - written)
      if result >= 0 {
        written += result
        Interrupt.shared.writeProgressed()
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN: try waitUntilWritable()
      case EPIPE: throw .readerGone
      case let code: throw .io(errno: code)
      }
    }
  }

  package func write(_ text: String) throws(Failure) {
    try Array(text.utf8).span.bytes.withUnsafeBytes { bytes throws(Failure) in try write(bytes) }
  }

  /// Somebody else set the descriptor non-blocking.
  private func waitUntilWritable() throws(Failure) {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    if poll(&entry, 1, -1) < 0, errno != EINTR { throw .io(errno: errno) }
  }
}
