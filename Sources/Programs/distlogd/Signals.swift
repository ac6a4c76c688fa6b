@preconcurrency import Dispatch
import Foundation
import Synchronization

/// SIGTERM and SIGINT, and SIGHUP apart from them, as they come in; SIGPIPE is ignored, a closed socket is an error like others.
final class Signals: @unchecked Sendable {  // the sources are only kept
  private let stream: AsyncStream<Void>
  /// SIGHUP: read the files again.
  let hangups: AsyncStream<Void>
  private let sources: [any DispatchSourceSignal]
  private static let toldBySignal = Mutex(false)

  /// With `endsWithInput` the end of standard input counts as a SIGTERM.
  init(endsWithInput: Bool = false) {
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
      [SIGTERM, SIGINT].map {
        Signals.source($0) {
          Self.toldBySignal.withLock { $0 = true }
          continuation.yield()
        }
      }
      + [Signals.source(SIGHUP) { hangup.yield() }]
    guard endsWithInput else { return }
    let thread = Thread {
      var scrap = [UInt8](repeating: 0, count: 512)
      var count = 1
      while count > 0 || (count < 0 && errno == EINTR) {
        count = read(STDIN_FILENO, &scrap, scrap.count)
      }
      // After a signal it is no second one.
      if Self.toldBySignal.withLock({ !$0 }) { continuation.yield() }
    }
    thread.name = "stdin"
    thread.start()
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
