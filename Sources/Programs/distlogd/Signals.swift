@preconcurrency import Dispatch
import Foundation

/// SIGTERM and SIGINT, and SIGHUP apart from them, as they come in; SIGPIPE is ignored, a closed socket is an error like others.
final class Signals: @unchecked Sendable {  // the sources are only kept
  private let stream: AsyncStream<Void>
  /// SIGHUP: read the files again.
  let hangups: AsyncStream<Void>
  private let sources: [any DispatchSourceSignal]

  init() {
    signal(SIGPIPE, SIG_IGN)
    // Else a socket or a data file takes the place of a standard stream that was closed.
    for descriptor in STDIN_FILENO...STDERR_FILENO
    where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
      _ = open("/dev/null", O_RDWR)
    }
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    self.stream = stream
    // Several that come together are one.
    let (hangups, hangup) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingNewest(1))
    self.hangups = hangups
    sources =
      [SIGTERM, SIGINT].map { Signals.source($0) { continuation.yield() } }
      + [Signals.source(SIGHUP) { hangup.yield() }]
  }

  private static func source(
    _ number: Int32, _ handler: @escaping @Sendable () -> Void
  ) -> any DispatchSourceSignal {
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler(handler: handler)
    source.resume()
    return source
  }

  /// Waits for the next signal.
  func next() async {
    var iterator = stream.makeAsyncIterator()
    _ = await iterator.next()
  }
}
