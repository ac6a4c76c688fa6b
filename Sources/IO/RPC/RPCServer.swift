import GRPCWire
import Logging
package import NIOCore
package import NIOPosix
package import TLS

/// A listening gRPC server: one port, the given methods.
package final class RPCServer: Sendable {
  /// The port listened on.
  package let port: Int
  private let listener: any Channel
  private let loops: [NIOLoopBound<ServerLoop>]

  private init(port: Int, listener: any Channel, loops: [NIOLoopBound<ServerLoop>]) {
    self.port = port
    self.listener = listener
    self.loops = loops
  }

  package static func start(
    _ configuration: RPCServerConfiguration, methods: [RPCMethod],
    group: MultiThreadedEventLoopGroup
  ) async throws -> RPCServer {
    let router = ServiceRouter(methods, maxMessageBytes: configuration.maxMessageBytes)
    let limit = ConnectionLimit(configuration.maxConnections)
    var loops: [NIOLoopBound<ServerLoop>] = []
    for eventLoop in group.makeIterator() {
      loops.append(
        try await eventLoop.submit {
          NIOLoopBound(ServerLoop(eventLoop, configuration, router, limit), eventLoop: eventLoop)
        }.get())
    }
    let all = loops
    let logger = configuration.logger
    let listener = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptPause(logger))
        }
      }
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 4)
      // Writable means that the socket took everything: only then is more gathered.
      .childChannelOption(.writeBufferWaterMark, value: .init(low: 1, high: 2))
      .childChannelOption(
        .recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: 65536)
      )
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try add(to: channel, all)
        }
      }
      .bind(host: configuration.host, port: configuration.port).get()
    return RPCServer(
      port: listener.localAddress?.port ?? configuration.port, listener: listener, loops: loops)
  }

  private static func add(to channel: any Channel, _ loops: [NIOLoopBound<ServerLoop>]) throws {
    guard let bound = loops.first(where: { $0.eventLoop === channel.eventLoop }) else {
      preconditionFailure("a connection on an event loop of another group")
    }
    let address = channel.remoteAddress.map { "\($0.ipAddress ?? "?"):\($0.port ?? 0)" } ?? "?"
    let connection = try ServerConnection(bound.value, remoteAddress: address)
    try channel.pipeline.syncOperations.addHandler(connection)
  }

  /// Accepts connections with `context` from now on, and ends those whose certificate it does not take. From anywhere.
  package func replaceTLS(_ context: TLSContext) {
    for bound in loops { bound.eventLoop.execute { bound.value.replaceTLS(context) } }
  }

  /// Stops listening, lets the calls that are open end within `timeout`, then ends the rest: at the
  /// latest a second later, whatever clients do.
  package func drain(timeout: TimeAmount = .seconds(10)) async {
    // A listener that is closed already is what is wanted.
    try? await listener.close().get()
    await withTaskGroup(of: Void.self) { group in
      for bound in loops {
        group.addTask { await Self.drain(bound, timeout) }
      }
    }
  }

  private static func drain(_ bound: NIOLoopBound<ServerLoop>, _ timeout: TimeAmount) async {
    let drained = bound.eventLoop.flatSubmit {
      let timer = bound.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
        bound.value.stopAll()
      }
      return bound.value.drain().always { _ in timer.cancel() }
    }
    // The promise behind it never fails, unless the event loop is gone: then all is over, too.
    try? await drained.get()
  }
}
