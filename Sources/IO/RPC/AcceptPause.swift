internal import Glibc
import Logging
import NIOCore

/// Stops accepting for a moment when there is no descriptor for a connection: without it the event loop would ask again
/// at once, and again, and take a whole core.
///
/// NIO's `AcceptBackoffHandler` does not: it holds back the channel's next read, but after an error the channel goes on
/// with the one it has.
final class AcceptPause: ChannelInboundHandler {
  typealias InboundIn = any Channel

  private static let length = TimeAmount.milliseconds(100)
  private static let reportEvery = TimeAmount.seconds(10)

  private let logger: Logger?
  private var nextReport = NIODeadline.uptimeNanoseconds(0)
  private var resumption: Scheduled<Void>?

  init(_ logger: Logger?) { self.logger = logger }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Everything else concerns one connection only.
    guard let error = error as? IOError, Self.isLack(error.errnoCode) else { return }
    report(error.errnoCode)
    guard resumption == nil else { return }
    let channel = context.channel
    accept(false, channel)
    resumption = channel.eventLoop.assumeIsolated().scheduleTask(in: Self.length) { [self] in
      resumption = nil
      accept(true, channel)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    resumption?.cancel()
    context.fireChannelInactive()
  }

  private func accept(_ accepts: Bool, _ channel: any Channel) {
    // Fails only for a channel that is closed.
    try? channel.syncOptions?.setOption(.autoRead, value: accepts)
  }

  private func report(_ code: CInt) {
    let now = NIODeadline.now()
    guard now >= nextReport else { return }
    nextReport = now + Self.reportEvery
    logger?.warning(
      "connections wait to be accepted: \(String(cString: strerror(code))); raise the limit of open files (ulimit -n, LimitNOFILE= of systemd)",
      metadata: ["errno": "\(code)"])
  }

  /// Whether what was missing may be there later.
  private static func isLack(_ code: CInt) -> Bool {
    [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code)
  }
}
