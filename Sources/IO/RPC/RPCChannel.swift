package import GRPCWire
package import NIOCore
internal import Synchronization

/// The way to one server: one connection, dialled when it is needed and again when it was lost.
///
/// A call that is started while there is no connection waits for the dial in progress and fails with it.
/// While the channel backs off after a failed dial, calls fail at once with that dial's reason;
/// `connect` waits for the next one instead. Releasing the channel closes it.
package final class RPCChannel: Sendable {
  package let configuration: RPCChannelConfiguration
  package let eventLoop: any EventLoop
  private let core: ChannelCore
  private let isClosed = Atomic(false)

  package init(_ configuration: RPCChannelConfiguration, on eventLoop: any EventLoop) {
    self.configuration = configuration
    self.eventLoop = eventLoop
    core = ChannelCore(configuration, on: eventLoop)
  }

  deinit {
    guard !isClosed.load(ordering: .relaxed) else { return }
    eventLoop.execute { [core] in core.close() }
  }

  /// Starts a call. On the channel's event loop only; `handler` is kept until the call ends, and is told
  /// nothing before this returns.
  package func start(
    _ path: String, shape: StreamingShape = .bidirectional, metadata: [(String, String)] = [],
    timeout: Duration? = nil, handler: any ClientCallHandler
  ) -> ClientCall {
    eventLoop.preconditionInEventLoop()
    return core.start(path, shape: shape, metadata: metadata, timeout: timeout, handler: handler)
  }

  /// Waits until calls can go out; dials when needed, after the back-off of an earlier failure.
  package func connect() async throws(RPCError) {
    let waiter = ConnectWaiter()
    let error = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        eventLoop.execute { [core] in
          if waiter.begin(continuation) { core.add(waiter) }
        }
      }
    } onCancel: {
      eventLoop.execute { waiter.finish(.cancelled) }
    }
    if let error { throw error }
  }

  /// Ends all calls, and the connection after what was sent.
  package func close() async {
    isClosed.store(true, ordering: .relaxed)
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      eventLoop.execute { [core] in
        core.close()
        continuation.resume()
      }
    }
  }
}
